"""The operator rotates the key rings of a deployment with data in it."""

import json
import sqlite3

import pytest

from tests.cli.conftest import Operator


@pytest.fixture
def seeded(equipped: Operator) -> Operator:
    """An operator whose tables hold the fictional people."""
    equipped.reads("db", "upgrade")
    equipped.reads("demo", "seed")
    return equipped


def keys_in_use(operator: Operator, column: str, table: str = "accounts") -> set[str]:
    with sqlite3.connect(operator.var / "idp.db") as connection:
        return {value.partition(".")[0] for (value,) in connection.execute(f"SELECT {column} FROM {table}")}


def test_a_ring_is_rotated_resealed_and_its_old_key_retired(seeded: Operator) -> None:
    assert "k2 writes" in seeded.reads("secrets", "rotate", "sealing")
    assert keys_in_use(seeded, "nik_sealed") == {"k1"}
    assert "still needed" in seeded.errs("secrets", "retire", "sealing", "k1")
    said = seeded.reads("secrets", "reseal")
    assert "accounts.nik_sealed: " in said and "stuck" not in said
    assert keys_in_use(seeded, "nik_sealed") == keys_in_use(seeded, "value_sealed", "contacts") == {"k2"}
    assert "out of the ring" in seeded.reads("secrets", "retire", "sealing", "k1")
    assert list(json.loads((seeded.var / "secrets.json").read_text())["sealing"]["keys"]) == ["k2"]
    assert "NIK" in seeded.reads("accounts", "find", "9901015708900001", "--reason", "tiket 4711")


def test_a_pepper_stays_while_a_password_needs_it(seeded: Operator) -> None:
    seeded.reads("secrets", "rotate", "pepper")
    assert "accounts.password_hash" in seeded.errs("secrets", "retire", "pepper", "k1")


def test_staging_tells_what_comes_next(seeded: Operator) -> None:
    assert "copy" in seeded.reads("secrets", "rotate", "index", "--stage")
    assert json.loads((seeded.var / "secrets.json").read_text())["index"]["current"] == "k1"
    assert "k2 writes" in seeded.reads("secrets", "rotate", "index")


def test_rows_that_stay_behind_are_told(seeded: Operator) -> None:
    with sqlite3.connect(seeded.var / "idp.db") as connection:
        connection.execute("UPDATE accounts SET name_sealed = 'k1.00'")
    seeded.reads("secrets", "rotate", "sealing")
    assert "keep the older keys" in seeded.errs("secrets", "reseal")
    assert "still needed" in seeded.errs("secrets", "retire", "sealing", "k1")


def test_the_key_that_writes_is_never_retired(seeded: Operator) -> None:
    assert "k1 is" in seeded.errs("secrets", "retire", "index", "k1")
