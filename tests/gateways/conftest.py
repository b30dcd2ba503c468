"""The ground that gateways stand on, with a real store; nothing of the floors above."""

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from idp.core.settings import Settings, load_settings, secrets_of
from idp.storage import redis_store
from idp.storage.embedded_redis import embedded_redis, stop_embedded_redis
from idp.storage.sealing import Sealer
from tests.gateways.servers import Certificate, certificate

ROOT = Path(__file__).resolve().parents[2]
CITIZENS = ROOT / "idp" / "gateways" / "demo_citizens.yaml"


@pytest.fixture(scope="session")
def ground_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    var = tmp_path_factory.mktemp("ground")
    yield embedded_redis(var)
    stop_embedded_redis(var)


@pytest.fixture
def known(tmp_path: Path, ground_redis: str) -> Settings:
    return load_settings(
        environment="test",
        var=tmp_path,
        secrets_file=tmp_path / "secrets.json",
        redis_url=ground_redis,
        civil_registry_url=f"fixture:{CITIZENS}",
        civil_registry_caller_ip="10.20.30.40",
    )


@pytest.fixture
def ground(known: Settings) -> Iterator[Flask]:
    """An application of the ground floor only, its context pushed, its store empty."""
    app = Flask("ground")
    secrets = secrets_of(known)
    app.extensions["idp.settings"] = known
    app.extensions["idp.storage.sealing"] = Sealer(secrets.sealing, secrets.index)
    app.extensions["idp.storage.redis_store"] = redis_store.connect(known.redis_url)
    with app.app_context():
        redis_store.store().redis.flushdb()
        yield app
        redis_store.store().close()


@pytest.fixture
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("strangers"), "strangers")
