"""The audit trail keeps one unbroken chain, whoever drains it, and tells when anybody touched it."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from idp.audit import chain, head, trail
from idp.audit.trail import AuditEvent, BrokenChain
from idp.storage import redis_store
from idp.storage.database import db
from tests.waiting import wait_until


def rows() -> list[AuditEvent]:
    return list(db.session.scalars(select(AuditEvent).order_by(AuditEvent.position)))


def write(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(statement))


def test_an_event_reaches_sql_with_who_when_and_from_where(here: Flask) -> None:
    with here.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.77"}):
        from idp.web.requests import reference

        trail.record("sign_in", account="subject-1", client="wlkp", method="password", attempt=2, fresh=True)
        known = reference()
    assert trail.drain() == 1
    (row,) = rows()
    assert (row.event, row.account, row.client, row.reference) == ("sign_in", "subject-1", "wlkp", known)
    assert row.address == "192.0.2.0/24"
    assert row.facts == '{"attempt":2,"fresh":true,"method":"password"}'
    assert trail.verify() == 1


def test_addresses_are_kept_as_networks() -> None:
    assert trail.truncated_address("203.0.113.200") == "203.0.113.0/24"
    assert trail.truncated_address("2001:db8:1:2::5") == "2001:db8:1::/48"
    assert trail.truncated_address("unix") is None


def test_an_unknown_event_is_refused(here: Flask) -> None:
    with pytest.raises(ValueError, match="signed_in_somehow"):
        trail.record("signed_in_somehow")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fact",
    ["9901010101900001", "+6281234567890", "081234567890", "siti@example.com", "answer: 9901010101900001!", "a\nb@c"],
)
def test_a_personal_fact_is_withheld(here: Flask, fact: str) -> None:
    trail.record("sign_in", account="s", identifier=fact, method="0f123456789012a")
    trail.drain_all()
    (row,) = rows()
    assert row.facts == '{"identifier":"withheld","method":"0f123456789012a"}'


@pytest.mark.every_store
def test_four_drains_at_once_keep_one_chain(here: Flask) -> None:
    for number in range(300):
        trail.record("sign_in", account=f"s{number}")

    def drain(_: int) -> int:
        with here.app_context():
            return sum(trail.drain(20) for _ in range(30))

    with ThreadPoolExecutor(4) as pool:
        moved = sum(pool.map(drain, range(4)))
    moved += trail.drain_all()
    assert moved == 300
    assert [row.account for row in rows()] == [f"s{number}" for number in range(300)]
    assert trail.verify() == 300


def test_a_crash_between_sql_and_queue_writes_nothing_twice(here: Flask) -> None:
    trail.record("sign_in", account="a")
    trail.record("sign_in", account="b")
    queue = redis_store.store().listed(trail.QUEUE)
    trail.drain_all()
    redis_store.store().push(trail.QUEUE, *queue)
    trail.record("sign_in", account="c")
    assert trail.drain_all() == 3
    assert [row.account for row in rows()] == ["a", "b", "c"]
    assert trail.verify() == 3


@pytest.mark.every_store
def test_events_wait_while_sql_is_away(here: Flask) -> None:
    trail.record("sign_in", account="a")
    write("ALTER TABLE audit_events RENAME TO elsewhere")
    with pytest.raises(Exception, match="audit_events"):
        trail.drain()
    write("ALTER TABLE elsewhere RENAME TO audit_events")
    assert trail.drain() == 1
    assert trail.verify() == 1


def test_one_at_a_time(here: Flask) -> None:
    trail.record("sign_in", account="a")
    redis_store.store().put(trail.LOCK, "another worker", 30)
    assert trail.drain() == 0
    assert rows() == []
    redis_store.store().drop(trail.LOCK)
    assert trail.drain() == 1


def test_who_lost_the_lock_removes_nothing(here: Flask) -> None:
    trail.record("sign_in", account="a")
    assert redis_store.store().run(trail._DONE, [trail.QUEUE, trail.LOCK, head.HEAD], ["late", 1, "9:x", 60]) == 0
    assert len(redis_store.store().listed(trail.QUEUE)) == 1
    assert redis_store.store().get(head.HEAD) is None


def test_the_event_is_recorded_or_the_act_fails(here: Flask) -> None:
    here.extensions["idp.storage.redis_store"] = redis_store.connect("redis://127.0.0.1:1/0")
    with pytest.raises(redis_store.StoreUnavailable):
        trail.record("sign_in", account="a")


@pytest.mark.every_store
@pytest.mark.parametrize(
    ("tampering", "position"),
    [
        ("UPDATE audit_events SET account = 'x' WHERE position = 2", 2),
        ("UPDATE audit_events SET facts = '{}' WHERE position = 3", 3),
        ("UPDATE audit_events SET at = at + 1 WHERE position = 1", 1),
        ("UPDATE audit_events SET address = '192.0.2.0/24' WHERE position = 4", 4),
        ("DELETE FROM audit_events WHERE position = 2", 2),
        ("DELETE FROM audit_events WHERE position = 1", 1),
        ("DELETE FROM audit_events WHERE position >= 4", 4),
        ("DELETE FROM audit_events", 1),
        ("UPDATE audit_events SET previous = '0' WHERE position = 3", 3),
    ],
)
def test_tampering_is_found_where_it_happened(here: Flask, tampering: str, position: int) -> None:
    for number in range(5):
        trail.record("sign_in", account="a", n=number)
    trail.drain_all()
    assert trail.verify() == 5
    write(tampering)
    result = trail.verify()
    assert isinstance(result, BrokenChain)
    assert result.position == position


def forge(position: int, key: bytes | None, **changes: str) -> None:
    """Changes a row as somebody would who knows how the hashes are made, and has the key or not."""
    table = AuditEvent.__table__
    with db.engine.begin() as connection:
        row = dict(connection.execute(select(table).where(table.c.position == position)).mappings().one())
        row |= changes
        row["hash"] = chain.hash_of(row, key)
        connection.execute(update(AuditEvent).where(AuditEvent.position == position).values(**row))


def test_a_forged_row_with_a_fitting_hash_does_not_fit_the_next(here: Flask) -> None:
    for number in range(3):
        trail.record("sign_in", account="a", n=number)
    trail.drain_all()
    forge(2, head.keyed_by(), account="somebody else")
    assert trail.verify() == BrokenChain(3, "it does not follow the row before it")


def test_a_row_cut_out_and_the_next_one_joined_on_is_missed(here: Flask) -> None:
    for number in range(3):
        trail.record("sign_in", account="a", n=number)
    trail.drain_all()
    first = rows()[0].hash
    write("DELETE FROM audit_events WHERE position = 2")
    forge(3, head.keyed_by(), previous=first)
    assert trail.verify() == BrokenChain(2, "a row is missing")


def test_a_chain_written_anew_is_found(here: Flask) -> None:
    trail.record("sign_in", account="a")
    trail.drain_all()
    write("DELETE FROM audit_events")
    trail.record("sign_in", account="somebody else")
    trail.drain_all()
    assert trail.verify() == BrokenChain(1, "the chain was written anew")


def test_the_thread_of_a_worker_drains_until_it_is_stopped(here: Flask) -> None:
    stop = threading.Event()
    thread = trail.drain_forever(here, stop, seconds=0.01)
    trail.record("sign_in", account="a")
    wait_until(lambda: not redis_store.store().listed(trail.QUEUE))
    trail.record("sign_in", account="b")
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert [row.account for row in rows()] == ["a", "b"]


def test_the_thread_outlives_an_outage(here: Flask) -> None:
    working = here.extensions["idp.storage.redis_store"]
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as dead:
        dead.settimeout(60)
        port = dead.getsockname()[1]
        here.extensions["idp.storage.redis_store"] = redis_store.connect(f"redis://127.0.0.1:{port}/0")
        thread = trail.drain_forever(here, stop, seconds=0.01)
        dead.accept()[0].close()  # it has asked, and got no answer
        here.extensions["idp.storage.redis_store"] = working
    trail.record("sign_in", account="a")
    wait_until(lambda: not working.listed(trail.QUEUE))
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert [row.account for row in rows()] == ["a"]


def events(number: int, account: str = "a") -> None:
    for _ in range(number):
        trail.record("sign_in", account=account)
    trail.drain_all()


@pytest.mark.every_store
@pytest.mark.parametrize("cut", [1, 3])
def test_a_cut_tail_is_found_however_many_events_follow(here: Flask, cut: int) -> None:
    """S18: the head used to move over the gap with the next event; now it stays until the rows are what they were."""
    events(5)
    write(f"DELETE FROM audit_events WHERE position > {5 - cut}")
    for _ in range(3):
        events(3, account="later")
    result = trail.verify()
    assert isinstance(result, BrokenChain)
    assert result == BrokenChain(5, "the chain was written anew")


@pytest.mark.every_store
def test_a_trail_written_anew_without_the_key_is_found(here: Flask) -> None:
    """S18: whoever has the tables, and even the store, makes no hash that fits."""
    events(4)
    table = AuditEvent.__table__
    after = chain.Link()
    with db.engine.begin() as connection:
        for row in connection.execute(select(table).order_by(table.c.position)).mappings().all():
            forged = dict(row) | {"account": "somebody else", "previous": after.hash}
            forged["hash"] = chain.hash_of(forged)
            after = chain.Link(row["position"], forged["hash"])
            connection.execute(table.update().where(table.c.position == row["position"]).values(**forged))
    events(1)
    result = trail.verify()
    assert isinstance(result, BrokenChain)
    assert redis_store.store().get(head.HEAD) is not None


def test_rows_of_before_the_key_still_verify_and_none_comes_after_it(here: Flask) -> None:
    """S18: the hashes of the first days had no key; among keyed ones such a row is a forgery."""
    events(3)
    table, after = AuditEvent.__table__, chain.Link()
    with db.engine.begin() as connection:
        for row in connection.execute(select(table).order_by(table.c.position)).mappings().all():
            old = dict(row) | {"previous": after.hash}
            old["hash"] = chain.hash_of(old)
            after = chain.Link(row["position"], old["hash"])
            connection.execute(table.update().where(table.c.position == row["position"]).values(**old))
    redis_store.store().put(head.HEAD, head.written(after), 60)
    events(2)
    assert trail.verify() == 5
    assert [chain.is_keyed(row.hash) for row in rows()] == [False, False, False, True, True]
    forge(5, None, account="somebody else")
    assert trail.verify() == BrokenChain(5, "it was written without the key")


def test_a_head_that_was_noted_elsewhere_tells_of_everything(here: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """S18: somebody with tables, store and key can write all anew; what left the machine before cannot be taken back."""
    caplog.set_level("INFO")
    events(3)
    noted = head.remembered()
    told = caplog.text
    assert "audit_head" in told
    assert noted.hash in told
    assert trail.verify(noted) == 3
    write("DELETE FROM audit_events")
    redis_store.store().drop(head.HEAD)
    events(4, account="somebody else")
    assert trail.verify() == 4
    assert trail.verify(noted) == BrokenChain(3, "the chain was written anew")
    assert trail.verify(chain.Link(9, "x")) == BrokenChain(5, "rows at the end were removed")


def test_a_mismatch_is_told_and_recording_goes_on(here: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """S18: an alarm for whoever reads the logs; no event is lost over it."""
    events(2)
    write("DELETE FROM audit_events WHERE position = 2")
    caplog.clear()
    events(2, account="later")
    assert "audit_head_mismatch" in caplog.text
    assert [row.account for row in rows()] == ["a", "later", "later"]


def test_a_head_behind_after_a_crash_moves_on(here: Flask) -> None:
    """S18: rows that were committed just before a crash are no tampering."""
    events(2)
    earlier = head.written(chain.Link(1, rows()[0].hash))
    redis_store.store().put(head.HEAD, earlier, 60)
    events(1)
    assert trail.verify() == 3
    assert head.remembered().position == 3
