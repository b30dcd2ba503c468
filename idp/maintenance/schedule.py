"""What a serving process does on the side: writes the audit trail, delivers notices, sweeps what has expired."""

import threading
from collections.abc import Callable

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from idp import notices
from idp.audit import trail
from idp.core.settings import settings
from idp.maintenance import queues, resealing, retention
from idp.oidc.logout import back_channel
from idp.probation import answers
from idp.sessions import single_sign_on
from idp.storage import key_file
from idp.storage.redis_store import StoreUnavailable, embedded_redis

log = structlog.get_logger()

NOTICES_EVERY = 5.0  # seconds
RECOVERIES_EVERY = 60.0
SECRETS_EVERY = 5.0
STORE_EVERY = 2.0
QUEUES_EVERY = 15.0
RETENTION_EVERY = 3600.0  # looks whether it is due; one worker does it once a day


def start_chores(app: Flask, stop: threading.Event) -> list[threading.Thread]:
    """Starts a daemon thread for each chore, until `stop` is set; an outage only delays them."""
    return [
        trail.drain_forever(app, stop),
        _every(NOTICES_EVERY, back_channel.deliver_due, app, stop),
        _every(NOTICES_EVERY, notices.deliver_due, app, stop),
        _every(NOTICES_EVERY, single_sign_on.deliver_due, app, stop),
        _every(RECOVERIES_EVERY, answers.record_expired, app, stop),
        _every(SECRETS_EVERY, key_file.refresh, app, stop),
        _every(RETENTION_EVERY, resealing.run_after_rotation, app, stop),
        _every(RETENTION_EVERY, retention.run_daily, app, stop),
        _every(STORE_EVERY, _keep_store_up, app, stop),
        _every(QUEUES_EVERY, queues.measure, app, stop),
    ]


def _keep_store_up() -> None:
    """The embedded store has nobody else to start it again; a real one has its own supervisor."""
    known = settings()
    if known.redis_url.startswith("embedded:"):
        embedded_redis(known.var)


def _every(seconds: float, chore: Callable[[], object], app: Flask, stop: threading.Event) -> threading.Thread:
    def body() -> None:
        while not stop.wait(seconds):
            _once(chore, app)

    thread = threading.Thread(target=body, name=chore.__name__, daemon=True)
    thread.start()
    return thread


def _once(chore: Callable[[], object], app: Flask) -> None:
    try:
        with app.app_context():
            chore()
    except (SQLAlchemyError, StoreUnavailable) as down:
        log.warning("chore_delayed", chore=chore.__name__, kind=type(down).__name__)
    except Exception:
        # A chore that nobody foresaw to fail must not end its thread: it would never be done again.
        log.exception("chore_failed", chore=chore.__name__)
