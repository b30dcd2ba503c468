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
    length, oldest = store().queue(trail.QUEUE)
    written_at = orjson.loads(oldest)["at"] // 1000 if oldest else clock.timestamp()
    metrics.set_queue("audit", length, clock.timestamp() - written_at)
    waiting = select(func.count(), func.min(OUTBOX.c.created_at)).where(OUTBOX.c.state == PENDING)
    with db.engine.connect() as connection:
        number, first = connection.execute(waiting).one()
    metrics.set_queue("outbox", number, clock.timestamp() - (first or clock.timestamp()))
