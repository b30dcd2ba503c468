"""Nothing is kept longer than promised, nothing goes before its time, and the job may be interrupted anywhere."""

from itertools import islice
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, insert, select, update

from idp import notices
from idp.audit import trail
from idp.core.clock import now, timestamp
from idp.core.values import ACR_DATA, Authentication
from idp.limits import rate_limits
from idp.limits.rate_limits import LIMITS
from idp.maintenance import retention
from idp.probation import State
from idp.sessions import known_devices
from idp.storage import redis_store
from idp.storage.database import db
from idp.storage.outbox import OUTBOX
from tests.account_rows import an_account, at_once, email, phone, put_contacts, the

DAY = 86400
Moved = time_machine.Traveller


def removed() -> dict[str, int]:
    """What one run of the job removed, by kind."""
    ends = [progress for progress in retention.run() if progress.done or progress.failed]
    assert [end.kept for end in ends] == list(retention.POLICY)
    assert not any(end.failed for end in ends), ends
    return {end.kept.name: end.removed for end in ends if end.removed}


def count(table: Any) -> int:
    with db.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.every_store
def test_notices_go_after_30_days(here: Flask, clock: Moved) -> None:
    notices.enqueue([phone(), email()], notices.password_changed(now()), "subject-1")
    clock.shift(30 * DAY)
    assert removed() == {}
    clock.shift(1)
    assert removed() == {"messages to people and services": 2}
    assert removed() == {}


@pytest.mark.every_store
def test_replaced_contacts_go_after_30_days_and_those_in_use_stay(here: Flask, clock: Moved) -> None:
    account = an_account()
    put_contacts(account, phone(2), email(2))
    clock.shift(30 * DAY + 1)
    assert removed()["contacts that were replaced"] == 2
    db.session.expire_all()
    assert the(account.subject).contacts_in_use == [phone(2), email(2)]
    assert len(the(account.subject).contacts) == 2


def test_contacts_that_officers_may_have_to_restore_stay(here: Flask, clock: Moved) -> None:
    account = an_account()
    put_contacts(account, phone(2), email(2))
    known = {
        "id": "r1",
        "subject": account.subject,
        "nik_index": "x",
        "self_service": False,
        "started_at": timestamp(),
        "until": 0,
    }
    with db.engine.begin() as connection:
        connection.execute(insert(retention.RECOVERIES).values(state=State.DISPUTED.value, **known))
    clock.shift(100 * DAY)
    assert "contacts that were replaced" not in removed()
    assert count(retention.RECOVERIES) == 1
    with db.engine.begin() as connection:
        connection.execute(update(retention.RECOVERIES).values(state=State.VETOED.value))
    assert removed() == {"contacts that were replaced": 2, "recoveries by identity": 1}


def test_browsers_not_seen_for_long_are_forgotten(here: Flask, clock: Moved) -> None:
    account = an_account()
    with here.test_request_context():
        known_devices.remember_and_notify(Authentication(account.subject, ("pwd",), 0, ACR_DATA), here.make_response(""))
    clock.shift(400 * DAY)
    assert count(known_devices.DEVICES) == 1
    assert removed() == {}
    clock.shift(1)
    assert removed()["browsers not seen again"] == 1


@pytest.mark.every_store
def test_an_interrupted_run_goes_on_where_it_stopped(here: Flask, clock: Moved, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for _ in range(4):
        notices.enqueue([phone(), email()], notices.password_changed(now()))
    clock.shift(31 * DAY)
    (first,) = islice(retention.run(), 1)
    assert (first.removed, first.done) == (3, False)
    assert count(OUTBOX) == 5
    assert removed()["messages to people and services"] == 5


@pytest.mark.every_store
def test_several_at_once_remove_each_row_once(here: Flask, clock: Moved) -> None:
    for _ in range(20):
        notices.enqueue([phone()], notices.password_changed(now()))
        trail.record("sign_in", account="s")
    trail.drain_all()
    clock.shift(600 * DAY)
    at_once(here, [lambda: list(retention.run())] * 4)
    removed()
    assert count(OUTBOX) == 0
    assert trail.verify() == 1


def test_one_kind_that_fails_keeps_no_other_from_its_turn(here: Flask, clock: Moved) -> None:
    for _ in range(3):
        trail.record("sign_in", account="s")
    trail.drain_all()
    with db.engine.begin() as connection:
        connection.execute(update(trail.AuditEvent).values(account="innocent"))
    notices.enqueue([phone()], notices.password_changed(now()))
    clock.shift(600 * DAY)
    ends = {end.kept.name: end for end in retention.run() if end.done or end.failed}
    assert ends["audit events"].failed == "TrailBroken"
    assert ends["messages to people and services"].removed == 1


def test_the_chore_is_done_by_one_worker_a_day(here: Flask, clock: Moved) -> None:
    notices.enqueue([phone()], notices.password_changed(now()))
    clock.shift(31 * DAY)
    redis_store.store().put(retention.MARK, "1", 100)
    retention.run_daily()
    assert count(OUTBOX) == 1
    redis_store.store().drop(retention.MARK)
    retention.run_daily()
    assert count(OUTBOX) == 0


def test_limits_are_kept_31_days_at_most(here: Flask) -> None:
    for name in LIMITS:
        rate_limits.hit(name, "somebody")
    redis = redis_store.store().redis
    lives = {key: redis.ttl(key) for key in redis.scan_iter("limit:*")}
    assert len(lives) >= len(LIMITS)
    assert all(0 < life <= 31 * DAY for life in lives.values()), lives
