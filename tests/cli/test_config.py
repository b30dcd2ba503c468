"""The operator's commands: what they say, and that a mistake is one sentence with exit code 2."""

import json
import re
import stat
import subprocess
import sys

import pytest

from idp.core.settings import Settings
from tests.cli.conftest import ROOT, Operator


def test_help_names_every_command(operator: Operator) -> None:
    said = operator.reads("--help")
    for name in ("accounts", "audit", "clients", "config", "db", "demo", "explain", "keys", "otp", "outbox", "serve"):
        assert re.search(rf"^  {name}\s+\S", said, re.MULTILINE), name


def test_the_table_lists_every_setting(operator: Operator) -> None:
    said = operator.reads("config", "table")
    for name, field in Settings.model_fields.items():
        assert f"| `IDP_{name.upper()}` |" in said
        assert field.description
    settings, times = (part.splitlines() for part in said.strip().split("\n\n"))
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in settings} == {4}
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in times} == {5}


def test_sound_settings_are_called_sound(operator: Operator) -> None:
    assert "All well: development" in operator.reads("config", "check")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"IDP_ISUER": "https://x.example"}, ["IDP_ISUER", "not a setting"]),
        ({"IDP_ISSUER": "http://id.example.go.id"}, ["IDP_ISSUER", "https://"]),
        ({"IDP_PORT": "many"}, ["IDP_PORT"]),
        ({"IDP_LIMITS": '{"facts_devise": 3}'}, ["IDP_LIMITS", "facts_devise"]),
        ({"IDP_LIMITS": '{"facts_device": 0}'}, ["IDP_LIMITS", "facts_device"]),
        ({"IDP_LIMITS": "facts_device=3"}, ["IDP_LIMITS"]),
        ({"IDP_REDIS_URL": "mysql://x"}, ["IDP_REDIS_URL", "redis://"]),
        ({"IDP_ENVIRONMENT": "production"}, ["IDP_ISSUER", "IDP_DATABASE_URL", "IDP_SMS_URL"]),
    ],
)
def test_a_mistaken_setting_is_named(operator: Operator, changes: dict[str, str], words: list[str]) -> None:
    said = operator.errs("config", "check", **changes)
    for word in words:
        assert word in said


def test_secrets_that_others_can_read_are_refused(operator: Operator) -> None:
    operator.reads("secrets", "new")
    (operator.var / "secrets.json").chmod(0o644)
    assert "chmod 600" in operator.errs("config", "check")


def test_broken_secrets_are_named(operator: Operator) -> None:
    path = operator.var / "secrets.json"
    path.write_text("{}")
    path.chmod(0o600)
    assert str(path) in operator.errs("config", "check")


def test_new_secrets_are_private_and_never_overwritten(operator: Operator) -> None:
    path = operator.var / "deep" / "keys.json"
    said = operator.reads("secrets", "new", "--file", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = path.read_text()
    for ring in ("sealing", "index", "pepper"):
        assert json.loads(written)[ring]["keys"]["k1"] not in said
    assert "exists" in operator.errs("secrets", "new", "--file", str(path))
    assert path.read_text() == written


def test_secrets_that_cannot_be_written_are_one_sentence(operator: Operator) -> None:
    (operator.var / "file").write_text("")
    assert "cannot be written" in operator.errs("secrets", "new", "--file", str(operator.var / "file" / "keys.json"))


@pytest.mark.parametrize(
    "command", [["explain", "0123456789"], ["audit", "verify"], ["outbox"], ["config", "check", "--connect"]]
)
def test_a_store_that_is_away_is_one_sentence(operator: Operator, command: list[str]) -> None:
    assert "IDP_REDIS_URL" in operator.errs(*command)


@pytest.mark.parametrize("command", [["audit", "verify"], ["config", "check", "--connect"], ["serve"]])
def test_a_database_without_tables_is_one_sentence(equipped: Operator, command: list[str]) -> None:
    assert "idp db upgrade" in equipped.errs(*command)


@pytest.mark.slow
def test_a_mistake_in_a_process_of_its_own_shows_no_traceback(operator: Operator) -> None:
    command = [sys.executable, "-W", "error", "-m", "idp", "config", "check"]
    environment = operator.environment(IDP_PORT="many")
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: IDP_PORT")
    assert len(result.stderr.splitlines()) == 1


def test_an_unknown_command_is_one_sentence(operator: Operator) -> None:
    assert "No such command" in operator.errs("sreve")
