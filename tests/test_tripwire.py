"""The tripwire and the closed sockets can bite: a test that relies on them would go red."""

import socket

import pytest
from sqlalchemy import create_engine, text

from idp.storage.database import db
from tests.tripwire import Tripwire


@pytest.fixture
def wire():
    wire, learned = Tripwire(), {"9901015708900001", "Siti Nurhaliza Rahayu"}
    wire.watch(learned)
    learned.add("482913")
    return wire


@pytest.mark.parametrize("line", [
    "nik=9901015708900001", "name SITI NURHALIZA RAHAYU", "siti nurhaliza rahayu", 'code="482913"', "@id.example #482913",
])  # fmt: skip
def test_what_is_known_is_found_in_a_text(wire, line):
    with pytest.raises(AssertionError, match="personal data") as raised:
        wire.search("a log line", line)
    assert "5708900001" not in str(raised.value), "the report must not repeat it"


@pytest.mark.parametrize("line", ["nothing", "990101", "a digest: f482913c", "at 1482913000"])
def test_what_is_not_known_is_let_by(wire, line):
    wire.search("a log line", line)


@pytest.mark.parametrize("write", [
    lambda redis: redis.set("x:9901015708900001", "1"),
    lambda redis: redis.set("x", "9901015708900001"),
    lambda redis: redis.hset("x", "name", "Siti Nurhaliza Rahayu"),
    lambda redis: redis.sadd("x", "482913"),
    lambda redis: redis.rpush("x", "Siti Nurhaliza Rahayu"),
    lambda redis: redis.zadd("x", {"482913": 1}),
], ids=["key", "string", "hash", "set", "list", "zset"])  # fmt: skip
def test_it_is_found_in_every_kind_of_value(app, wire, write):
    redis = app.extensions["idp.storage.redis_store"].redis
    wire.search_store(redis)
    write(redis)
    with pytest.raises(AssertionError, match="personal data"):
        wire.search_store(redis)


def test_it_is_found_in_a_row(wire):
    engine = create_engine("sqlite://")
    db.metadata.create_all(engine)
    wire.search_tables(engine, db.metadata)
    with engine.begin() as connection:
        connection.execute(text(
            "INSERT INTO contacts (subject, kind, value_sealed, value_index, verified_at)"
            " VALUES ('s', 'phone', '9901015708900001', 'i', 1)"
        ))  # fmt: skip
    with pytest.raises(AssertionError, match="the table contacts"):
        wire.search_tables(engine, db.metadata)
    engine.dispose()


def test_no_test_leaves_this_machine():
    with socket.socket() as outside, pytest.raises(OSError, match="loopback only"):
        outside.connect(("192.0.2.1", 80))
    with socket.socket() as outside, pytest.raises(OSError, match="loopback only"):
        outside.connect_ex(("192.0.2.1", 80))
