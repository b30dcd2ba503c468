"""`idp doctor`: what is wrong in a running installation is told with its cure, and nothing else is."""

import sqlite3

import pytest

from idp.cli import doctor_network, doctor_stores
from idp.core import clock
from tests.cli.conftest import Operator
from tests.cli.test_serve import Server, fetched, server  # noqa: F401 (a fixture)


def told(operator: Operator, **settings: str) -> dict[str, str]:
    """The sentence of each question."""
    lines = operator.types("doctor", **settings).stdout.splitlines()
    return {line[4:].partition(": ")[0]: line[:2] + " " + line.partition(": ")[2] for line in lines}


def test_a_sound_installation_is_called_sound(equipped: Operator, server: Server) -> None:  # noqa: F811
    """O12: all of it, while the provider serves; only the store of the tests keeps nothing."""
    _, issuer = server()
    assert fetched(f"{issuer}/healthz")[0] == 200
    found = told(equipped, IDP_ISSUER=issuer)
    assert {name for name, sentence in found.items() if sentence != "ok well."} <= {"disk"}
    assert len(found) == 14
    with sqlite3.connect(equipped.var / "idp.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0014'")
    found = told(equipped, IDP_ISSUER=issuer)
    assert "run `idp db upgrade`" in found["database"]
    assert found["keys of the accounts"].startswith("-- not looked at, since database")


def test_what_is_away_is_told_and_the_rest_is_looked_at(operator: Operator) -> None:
    """O12: one thing that is wrong hides no other."""
    found = told(operator, IDP_SMS_URL="https://:token@sms.nowhere.invalid/")
    assert "run `idp db upgrade`" in found["database"]
    assert "start Redis" in found["redis"]
    assert "sms.nowhere.invalid, which no name server knows" in found["names"]
    assert "start `idp serve`" in found["provider"]
    assert "things are to be mended" in operator.errs("doctor")
    found = told(operator, IDP_CLIENTS_FILE="/proc/nothing.yaml")
    assert "idp clients add" in found["clients"]
    assert found["redis"].startswith("-- not looked at, since clients")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"redis_version": "6.0.16"}, "6.2 or later"),
        ({"maxmemory_policy": "allkeys-lru"}, "noeviction"),
        ({"aof_enabled": 0}, "appendonly yes"),
        ({"maxmemory": 100, "used_memory": 95}, "95 % full"),
        ({"aof_last_write_status": "err"}, "could not write"),
    ],
)
def test_a_redis_that_forgets_or_fills_is_told(changes: dict[str, object], words: str) -> None:
    sound = {"redis_version": "7.2.4", "maxmemory_policy": "noeviction", "aof_enabled": 1, "maxmemory": 0, "used_memory": 9}
    assert list(doctor_stores.redis_sentences(sound)) == []
    (sentence,) = doctor_stores.redis_sentences(sound | changes)
    assert words in sentence


def test_a_certificate_is_told_before_it_ends() -> None:
    now = clock.timestamp()
    assert list(doctor_network.certificate_sentences("id", now + 30 * 86400)) == []
    (sentence,) = doctor_network.certificate_sentences("id", now + 5 * 86400 + 60)
    assert "ends in 5 days" in sentence


def test_too_few_connections_are_told() -> None:
    """O12: how many the workers take stood nowhere."""
    assert list(doctor_stores._too_few(100, 4)) == []
    (sentence,) = doctor_stores._too_few(100, 8)
    assert "8 workers may want 138" in sentence
