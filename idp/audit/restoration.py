"""After a backup was restored: the trail that came back is shorter than the store remembers, and an officer answers for that."""

from idp.audit import anchor, trail
from idp.audit.chain import BrokenChain, Link
from idp.audit.head import HEAD, HEAD_LIFE, remembered, tell, written
from idp.storage.database import db
from idp.storage.redis_store import store


def accept_restored(reason: str) -> tuple[Link, Link] | BrokenChain:
    """Takes the trail as it stands for the whole one; its old head and the new. The trail itself tells that, by whom and why.

    Returns the place where the chain breaks, and changes nothing, when the rows that are there are not as they were written.
    """
    with db.engine.connect() as connection:
        begin = anchor.latest(connection)
    old, end = remembered(), trail.verified_chain(begin, ())
    if isinstance(end, BrokenChain):
        return end
    store().put(HEAD, written(end), HEAD_LIFE)
    trail.record("audit_head_accepted", reason=reason, lost=max(old.position - end.position, 0), old_hash=old.hash)
    trail.drain_all()
    # Who keeps the logs elsewhere sees both, and can hold them against each other.
    tell("audit_head_accepted", old)
    return old, end
