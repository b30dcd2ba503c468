"""The trail is kept for 18 months, and verifies while its beginning goes; nobody but retention may cut it."""

import orjson
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from idp.audit import anchor, chain, retention, trail
from idp.audit.trail import AuditEvent, BrokenChain
from idp.storage.database import db
from idp.storage.redis_store import store
from tests.account_rows import at_once

DAY = 86400
Moved = time_machine.Traveller


def rows() -> list[AuditEvent]:
    db.session.expire_all()
    return list(db.session.scalars(select(AuditEvent).order_by(AuditEvent.position)))


def write(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(statement))
    db.session.rollback()


def happened(count: int, clock: Moved, days: int = 1) -> None:
    """So many sign-ins, one each `days`."""
    for number in range(count):
        trail.record("sign_in", account=f"s{number}")
        clock.shift(days * DAY)
    trail.drain_all()


@pytest.mark.every_store
def test_old_rows_go_and_the_rest_verifies(here: Flask, clock: Moved) -> None:
    happened(10, clock)
    clock.shift((548 - 5) * DAY)
    assert retention.prune(2) == 2
    assert trail.verify() == 8, "at every moment"
    while retention.prune(2):
        pass
    assert [row.account for row in rows()] == [f"s{n}" for n in range(5, 10)]
    assert trail.verify() == 5
    assert retention.prune() == 0
    trail.record("sign_out", account="s")
    trail.drain_all()
    assert rows()[-1].position == 11
    assert trail.verify() == 6


def test_the_newest_row_stays_however_old(here: Flask, clock: Moved) -> None:
    happened(3, clock)
    clock.shift(3000 * DAY)
    assert retention.prune() == 2
    trail.record("sign_in", account="back")
    trail.drain_all()
    assert [row.position for row in rows()] == [3, 4]
    assert trail.verify() == 2


@pytest.mark.every_store
def test_two_workers_prune_once(here: Flask, clock: Moved) -> None:
    happened(6, clock)
    clock.shift(3000 * DAY)
    at_once(here, [retention.prune] * 4)
    retention.prune()
    assert trail.verify() == 1


def test_who_cuts_the_beginning_is_found_out(here: Flask, clock: Moved) -> None:
    happened(5, clock)
    write("DELETE FROM audit_events WHERE position <= 2")
    assert trail.verify() == BrokenChain(1, "a row is missing")


def test_who_writes_an_anchor_without_the_key_is_found_out(here: Flask, clock: Moved) -> None:
    happened(5, clock)
    cut = rows()[1].hash
    write("DELETE FROM audit_events WHERE position <= 2")
    write(f"INSERT INTO audit_anchors (position, hash, at, link_sealed) VALUES (2, '{cut}', 1, 'k1.00')")
    found = trail.verify()
    assert isinstance(found, BrokenChain)
    assert "not by us" in found.why


def test_an_anchor_of_another_place_is_found_out(here: Flask, clock: Moved) -> None:
    happened(6, clock)
    clock.shift(548 * DAY - 4 * DAY)
    assert retention.prune() == 2
    third = rows()[0].hash
    write("DELETE FROM audit_events WHERE position = 3")
    write(f"UPDATE audit_anchors SET position = 3, hash = '{third}'")
    assert isinstance(trail.verify(), BrokenChain)


def test_who_writes_the_rest_anew_from_another_anchor_is_found_out(here: Flask, clock: Moved) -> None:
    happened(4, clock)
    clock.shift(548 * DAY - 2 * DAY)
    assert retention.prune() == 2
    table = AuditEvent.__table__
    with db.engine.begin() as connection:
        after = chain.Link(2, "X" * 43)
        for row in list(connection.execute(select(table).order_by(table.c.position)).mappings()):
            forged = dict(row) | {"account": "innocent", "previous": after.hash}
            after = chain.Link(row["position"], chain.hash_of(forged))
            values = {"account": "innocent", "previous": forged["previous"], "hash": after.hash}
            connection.execute(table.update().where(table.c.position == row["position"]).values(values))  # type: ignore[attr-defined]
    write(f"UPDATE audit_anchors SET hash = '{'X' * 43}'")
    store().drop(trail.HEAD)
    assert isinstance(trail.verify(), BrokenChain)


def test_a_trail_that_somebody_changed_is_not_pruned(here: Flask, clock: Moved) -> None:
    happened(5, clock)
    clock.shift(3000 * DAY)
    write("UPDATE audit_events SET account = 'innocent' WHERE position = 2")
    with pytest.raises(retention.TrailBroken):
        retention.prune()
    assert len(rows()) == 5
    with db.engine.connect() as connection:
        assert anchor.latest(connection) == chain.Link()


def test_what_the_registry_was_asked_is_forgotten_after_a_year(here: Flask, clock: Moved) -> None:
    trail.record("identity_proved", purpose="registration", nik="k1.abc")
    trail.record("sign_in", account="s", method="password")
    trail.drain_all()
    clock.shift(364 * DAY)
    assert retention.erase_registry_facts() == 0
    clock.shift(2 * DAY)
    assert retention.erase_registry_facts() == 1
    assert retention.erase_registry_facts() == 0
    assert [orjson.loads(row.facts) for row in rows()] == [{}, {"method": "password"}]
    assert trail.verify() == 2


@pytest.mark.parametrize(("event", "days"), [("sign_in", 400), ("identity_proved", 300)], ids=["another event", "too early"])
def test_forgetting_hides_nothing_else(here: Flask, clock: Moved, event: trail.Event, days: int) -> None:
    trail.record(event, method="password")
    trail.drain_all()
    clock.shift(days * DAY)
    write("UPDATE audit_events SET facts = '{}'")
    assert trail.verify() == BrokenChain(1, "its content was changed")


def test_rows_of_the_first_days_still_verify(here: Flask) -> None:
    trail.record("sign_in", account="a", n=1)
    trail.drain_all()
    with db.engine.begin() as connection:
        table = AuditEvent.__table__
        row = dict(connection.execute(select(table)).mappings().one()) | {"facts_digest": None}
        old = {name: value for name, value in row.items() if name not in ("hash", "facts_digest")}
        fresh = chain.crypto.digest(chain.canonical(old))
        connection.execute(table.update().values(facts_digest=None, hash=fresh))  # type: ignore[attr-defined]
    store().drop(trail.HEAD)
    assert trail.verify() == 1
    write("UPDATE audit_events SET facts = '{}'")
    assert isinstance(trail.verify(), BrokenChain)
