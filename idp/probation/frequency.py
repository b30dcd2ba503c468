"""How often an identity, and a new contact, may recover an account: counted from the recoveries in SQL, in the very
transaction that completes one, so that a process that dies in between has used up nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from idp.core import clock, lifetimes
from idp.core.values import EmailAddress, PhoneNumber
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.probation.model import Recovery
from idp.storage.database import db
from idp.storage.redis_store import StoreUnavailable, store
from idp.storage.sealing import sealer

Value = PhoneNumber | EmailAddress


@contextmanager
def counted(nik_index: str, phone: PhoneNumber, email: EmailAddress) -> Iterator[None]:
    """Completes a recovery inside: one success per identity and per new contact in 30 days, so that a thief's phone
    recovers one account and not a village.

    Raises TooManyAttempts, and StoreUnavailable when nobody can say who else is at it (fails closed). Of several at
    once one is let in; where its process dies the others wait a minute.
    """
    subjects = (nik_index, *(sealer().index(contact.value, contact.kind) for contact in (phone, email)))
    rate_limits.hit_all([("recovery_now", (subject,)) for subject in subjects])
    try:
        _refuse_used_up(nik_index, (phone, email))
        yield
    finally:
        for subject in subjects:
            # A store that went away meanwhile forgets the mark by itself, in a minute.
            with suppress(StoreUnavailable):
                rate_limits.give_back("recovery_now", subject)
    with suppress(StoreUnavailable):
        store().drop(_allowed(nik_index))


def contact_used(contact: Value) -> bool:
    """Whether this contact has recovered an account within 30 days; says nothing about whose."""
    return _wait_for_contact(contact) > 0


def seconds_left(nik_index: str) -> int:
    """For how many seconds this identity recovers nothing more; 0 when it may."""
    return _wait("recovery_nik", Recovery.nik_index, [nik_index]) if store().get(_allowed(nik_index)) is None else 0


def allow_once_more(nik_index: str) -> None:
    """An officer's word: the next recovery of this identity, within a week, is let through whatever went before."""
    store().put(_allowed(nik_index), "1", lifetimes.RECOVERY_ALLOWED.seconds)


def _refuse_used_up(nik_index: str, contacts: tuple[Value, Value]) -> None:
    wait, limit = seconds_left(nik_index), "recovery_nik"
    if not wait:
        wait, limit = max(map(_wait_for_contact, contacts)), "recovery_contact"
    if wait:
        raise TooManyAttempts(wait, limit)


def _wait_for_contact(contact: Value) -> int:
    column = Recovery.phone_index if contact.kind == "phone" else Recovery.email_index
    return _wait("recovery_contact", column, sealer().indexes(contact.value, contact.kind))


def _wait(name: str, column: "InstrumentedAttribute[str] | InstrumentedAttribute[str | None]", indexes: list[str]) -> int:
    """Seconds until the limit lets one more through; `completed_at` is written only with what the recovery did."""
    limit, now = rate_limits.limits()[name], clock.timestamp()
    lately = select(Recovery.completed_at).where(column.in_(indexes), Recovery.completed_at > now - limit.seconds)
    times = list(db.session.scalars(lately.order_by(Recovery.completed_at.desc()).limit(limit.amount)))
    return (times[-1] or now) + limit.seconds - now if len(times) == limit.amount else 0


def _allowed(nik_index: str) -> str:
    return f"recovery:allowed:{nik_index}"
