"""Whether real people are served: never a development provider on a public name because a variable was forgotten (O10)."""

import pytest

from idp.core.settings import ConfigError, Settings, environment_notices, load_settings
from tests.cli.conftest import Operator, operator  # noqa: F401


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDP_ENVIRONMENT", raising=False)


@pytest.mark.parametrize("issuer", [
    "http://127.0.0.1:5000", "http://localhost:5000", "https://localhost", "https://127.9.9.9:8443", "https://id.localhost",
    "https://[::1]:8443",
])  # fmt: skip
def test_on_this_machine_it_is_development(issuer: str) -> None:
    """O10."""
    assert Settings(issuer=issuer).environment == "development"
    assert environment_notices(Settings(issuer=issuer)) == []


@pytest.mark.parametrize("issuer", [
    "https://id.kemnaker.go.id", "https://10.0.0.7", "https://id", "https://localhost.example.go.id", "https://notlocalhost",
])  # fmt: skip
def test_anywhere_else_it_is_production(issuer: str) -> None:
    """O10: a forgotten IDP_ENVIRONMENT was development, silently, with an https issuer and PostgreSQL."""
    assert Settings(issuer=issuer).environment == "production"
    with pytest.raises(ConfigError) as refused:
        load_settings(issuer=issuer)
    sentence = f"IDP_ENVIRONMENT is not set: it is production, since {issuer} is a public name."
    assert str(refused.value).startswith(f"{sentence} IDP_REDIS_URL is the embedded store")


def test_it_is_told_where_all_is_well() -> None:
    """O10: also to whoever forgot nothing else."""
    real = {
        "redis_url": "redis://redis", "database_url": "postgresql+psycopg://x", "civil_registry_url": "https://a:b@c/d",
        "sms_url": "https://:token@sms", "mail_url": "smtps://a:b@mail",
    }  # fmt: skip
    loaded = load_settings(issuer="https://id.kemnaker.go.id", **real)
    assert len(environment_notices(loaded)) == 1
    assert environment_notices(load_settings(issuer="https://id.kemnaker.go.id", environment="production", **real)) == []


def test_what_was_set_is_done_and_told(operator: Operator) -> None:  # noqa: F811
    """O10: a rehearsal on a public name is possible for whoever says so."""
    public = {"IDP_ISSUER": "https://uji.kemnaker.go.id"}
    said = operator.reads("config", "check", **public, IDP_ENVIRONMENT="development")
    assert "IDP_ENVIRONMENT is development on the public name https://uji.kemnaker.go.id" in said
    assert "All well: development" in said
    assert "IDP_ENVIRONMENT is not set" in operator.errs("config", "check", **public)


def test_the_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_ENVIRONMENT", "test")
    assert Settings(issuer="https://id.kemnaker.go.id").environment == "test"
    assert environment_notices(Settings(issuer="https://id.kemnaker.go.id")) == []
