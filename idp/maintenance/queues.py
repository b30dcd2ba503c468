"""How long what waits has waited: the audit trail's queue and the outbox, as numbers that somebody can watch."""

import orjson
from sqlalchemy import func, select

from idp.audit import trail
from idp.core import clock
from idp.storage.database import db
from idp.storage.outbox import OUTBOX, PENDING
from idp.storage.redis_store import store
from idp.web import metrics


def measure() -> None:
    """Sets length and age (seconds) of each queue; raises StoreUnavailable, SQLAlchemyError."""
    for name, (length, age) in lengths().items():
        metrics.set_queue(name, length, age)
    metrics.set_connections(db.engine.pool.checkedout())  # type: ignore[attr-defined]


def lengths() -> dict[str, tuple[int, int]]:
    """How many wait in each queue, and for how many seconds the first has; raises StoreUnavailable, SQLAlchemyError."""
    length, oldest = store().queue(trail.QUEUE)
    now = clock.timestamp()
    written_at = orjson.loads(oldest)["at"] // 1000 if oldest else now
    waiting = select(func.count(), func.min(OUTBOX.c.created_at)).where(OUTBOX.c.state == PENDING)
    with db.engine.connect() as connection:
        number, first = connection.execute(waiting).one()
    return {"audit": (length, now - written_at), "outbox": (number, now - (first or now))}
