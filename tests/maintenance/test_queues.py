"""What waits is written down whatever happens, and its length and age can be watched."""

import threading
from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from idp.audit import trail
from idp.audit.trail import AuditEvent
from idp.maintenance import queues, schedule
from idp.storage.database import db
from idp.storage.redis_store import store
from tests.account_rows import an_account
from tests.waiting import wait_until


def gauges(app: Flask) -> dict[str, float]:
    text = app.test_client().get("/metrics").text
    lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith("idp_queue")]
    return {name: float(value) for name, _, value in lines}


def test_length_and_age_of_what_waits(make_app: Callable[..., Flask], clock: time_machine.Traveller) -> None:
    """O1: a queue that grew was seen by nobody."""
    app = make_app(metrics_from=("127.0.0.1",))
    with app.app_context():
        account = an_account()
        trail.drain_all()
        trail.record("sign_in", account=account.subject)
        trail.record("sign_in", account=account.subject)
        clock.shift(90)
        queues.measure()
    found = gauges(app)
    assert found['idp_queue_length{queue="audit"}'] == 2
    assert found['idp_queue_age_seconds{queue="audit"}'] == 90
    assert found['idp_queue_length{queue="outbox"}'] == 0
    assert found['idp_queue_age_seconds{queue="outbox"}'] == 0


def test_the_trail_goes_on_whatever_is_raised(here: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """O1: seconds of a store that answers with errors ended the thread in every worker, and the trail stopped for good."""

    def written() -> bool:
        with db.engine.connect() as connection:
            return connection.scalar(select(AuditEvent.account).where(AuditEvent.event == "sign_in")) is not None

    store().push(trail.QUEUE, b"this is no event")
    stop = threading.Event()
    thread = trail.drain_forever(here, stop, 0.01)
    try:
        wait_until(lambda: caplog.text.count("audit_waits") >= 2)  # it has fallen, and gone on to fall again
        store().redis.delete(trail.QUEUE)
        trail.record("sign_in", account="somebody")
        wait_until(written)
    finally:
        stop.set()
        thread.join(60)


def test_the_queues_are_looked_at_while_serving(here: Flask) -> None:
    stop = threading.Event()
    names = {thread.name for thread in schedule.start_chores(here, stop)}
    stop.set()
    assert "measure" in names
