"""How long the audit trail is kept: its oldest rows are removed without breaking the chain of the rest."""

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from idp.audit import anchor, chain
from idp.audit.chain import ERASED_FACTS, EVENTS_WITH_ERASABLE_FACTS, FACTS_RETENTION_MS, BrokenChain, Link
from idp.audit.head import keyed_by, tell
from idp.audit.trail import AuditEvent
from idp.core import clock, lifetimes
from idp.storage.database import db

RETENTION_MS = lifetimes.AUDIT_KEPT.seconds * 1000  # milliseconds


class TrailBroken(Exception):
    """What would be removed is not what was written: nothing is removed, lest retention hide who changed it."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the audit trail breaks at position {position}: see `idp audit verify`")
        self.position = position


def prune(most: int = 1000) -> int:
    """Removes at most `most` of the oldest rows that are past their time; how many. The newest row always stays.

    Rows and anchor change in one transaction, so that the trail verifies at every moment. Raises TrailBroken.
    """
    now = int(clock.now().timestamp() * 1000)
    try:
        with db.engine.begin() as connection:
            begin = anchor.latest(connection)
            end = _last_sound(connection, begin, now, most)
            if end.position == begin.position:
                return 0
            anchor.add(connection, end)
            removed = connection.execute(delete(AuditEvent).where(AuditEvent.position <= end.position)).rowcount
        tell("audit_anchor", end)
        return removed
    except IntegrityError:
        return 0  # another worker removes the same rows at this moment


def erase_registry_facts(most: int = 1000) -> int:
    """Forgets the facts of what the civil registry was asked more than a year ago; the rows stay, and verify."""
    before = int(clock.now().timestamp() * 1000) - FACTS_RETENTION_MS
    old = (
        select(AuditEvent.position)
        .where(AuditEvent.event.in_(EVENTS_WITH_ERASABLE_FACTS), AuditEvent.at < before, AuditEvent.facts != ERASED_FACTS)
        .where(AuditEvent.facts_digest.is_not(None))
        .limit(most)
    )
    with db.engine.begin() as connection:
        positions = list(connection.scalars(old))
        if not positions:
            return 0
        connection.execute(update(AuditEvent).where(AuditEvent.position.in_(positions)).values(facts=ERASED_FACTS))
    return len(positions)


def _last_sound(connection: Connection, begin: Link, now: int, most: int) -> Link:
    newest = connection.scalar(select(func.max(AuditEvent.position))) or 0
    ripe = (
        select(AuditEvent.__table__)
        .where(AuditEvent.position > begin.position, AuditEvent.position < newest)
        .order_by(AuditEvent.position)
        .limit(most)
    )
    old = []
    for row in connection.execute(ripe).mappings():
        if row["at"] >= now - RETENTION_MS:
            break
        old.append(row)
    end = chain.verify_chain(old, begin, (), now, keyed_by())
    if isinstance(end, BrokenChain):
        raise TrailBroken(end.position)
    return end
