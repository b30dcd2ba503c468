"""The end of an account: asked for, waited for, called off, or done in one transaction with all that belongs to it."""

from collections.abc import Callable
from typing import Any

from blinker import signal
from sqlalchemy import delete, select, update

from idp.accounts.changes import block, unblock
from idp.accounts.claims_cache import invalidate_claims
from idp.accounts.model import ACTIVE, DELETING, Account
from idp.audit import trail
from idp.core import clock
from idp.core.settings import settings
from idp.core.values import EmailAddress, PhoneNumber
from idp.storage.database import db

DAY = 86400
BLOCK_AFTER_ERASURE_SECONDS = 3600  # seconds; longer than any access token lives
AT_ONCE = 100

account_deleting = signal("account-deleting")
"""Sent with subject= after deletion was asked for."""

account_erasing = signal("account-erasing")
"""Sent with subject=, contacts= and connection= within the transaction: whoever keeps rows about the account removes them."""

account_erased = signal("account-erased")
"""Sent with subject= after it is gone."""


def earliest_erasure() -> int:
    """When an account may be erased whose deletion is asked for now (epoch seconds)."""
    return clock.timestamp() + settings().deletion_days * DAY


def request_deletion(account: Account, until: int, also: Callable[[], object]) -> int | None:
    """Lets the time of waiting begin, in one transaction with `also`; when it ends (epoch seconds), which is `until`.

    None when the account is not in ordinary use. From then on nobody is signed in to it.
    """
    subject = account.subject
    if _change_state(subject, ACTIVE, also, state=DELETING, delete_at=until):
        trail.record("deletion_requested", account=subject)
    # Done again by whoever asks again: should the store have been away, its block comes late, and not never.
    known = db.session.execute(select(Account.state, Account.delete_at).where(Account.subject == subject)).first()
    if known is None or known.state != DELETING:
        return None
    block(subject)
    account_deleting.send(subject=subject)
    return int(known.delete_at)


def cancel_deletion(account: Account, also: Callable[[], object]) -> bool:
    """Calls it off, in one transaction with `also`; whether the account is in use (again).

    The block is lifted within it: a crash leaves an account that nobody is signed in to, and that may still be kept.
    """
    subject = account.subject

    def lift() -> None:
        also()
        unblock(subject)

    if _change_state(subject, DELETING, lift, state=ACTIVE, delete_at=None):
        trail.record("deletion_cancelled", account=subject)
        return True
    return db.session.scalar(select(Account.state).where(Account.subject == subject)) == ACTIVE


def set_legal_hold(account: Account, legal_hold: bool, reason: str) -> None:
    """Keeps an account from being erased, or no longer: for as long as the law wants its record."""
    subject = account.subject
    db.session.execute(update(Account).where(Account.subject == subject).values(legal_hold=legal_hold))
    db.session.commit()
    trail.record("account_held" if legal_hold else "account_released", account=subject, reason=reason)


def erase_due(most: int) -> int:
    """Erases accounts whose waiting time is over, so many at most; how many. Those that are held wait on."""
    due = select(Account.subject).where(_due_for_erasure(clock.timestamp())).limit(min(most, AT_ONCE))
    subjects = list(db.session.scalars(due))
    return sum(erase(subject) for subject in subjects)


def erase(subject: str) -> bool:
    """Removes an account whose waiting time is over, and all that belongs to it; False if it is not to be removed (now).

    Of a call that races a cancellation or a hold, one wins: the row is taken first, by what it must be. The audit trail
    stays as long as the law wants it; it names the account by its subject alone.
    """
    taken = (
        update(Account)
        .where(Account.subject == subject, _due_for_erasure(clock.timestamp()))
        .values(updated_at=clock.timestamp())
    )
    try:
        if db.session.execute(taken).rowcount != 1:  # type: ignore[attr-defined]
            db.session.rollback()
            return False
        _remove(subject)
        db.session.commit()
    except Exception:
        db.session.rollback()
        raise
    block(subject, BLOCK_AFTER_ERASURE_SECONDS)
    invalidate_claims(subject)
    account_erased.send(subject=subject)
    trail.record("account_deleted", account=subject)
    return True


def _remove(subject: str) -> None:
    account = db.session.get_one(Account, subject, populate_existing=True)
    contacts: list[PhoneNumber | EmailAddress] = account.contacts_in_use
    account_erasing.send(subject=subject, contacts=contacts, connection=db.session.connection())
    db.session.expunge_all()
    db.session.execute(delete(Account).where(Account.subject == subject))


def _change_state(subject: str, seen: str, also: Callable[[], object], **to: Any) -> bool:
    """From the state that was seen to another, in one transaction with `also`: of two that race, one moves it."""
    mine = update(Account).where(Account.subject == subject, Account.state == seen).values(**to)
    try:
        moved: bool = db.session.execute(mine).rowcount == 1  # type: ignore[attr-defined]
        if moved:
            also()
        db.session.commit()
    except Exception:
        db.session.rollback()
        raise
    return moved


def _due_for_erasure(now: int) -> Any:
    return (Account.state == DELETING) & (Account.delete_at <= now) & Account.legal_hold.is_(False)
