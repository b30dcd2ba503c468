"""The end of an account: asked for, waited for, called off, or done in one transaction with all that belongs to it."""

from typing import Any

from blinker import signal
from sqlalchemy import delete, select, update

from idp.accounts import generations
from idp.accounts.model import ACTIVE, DELETING, Account
from idp.audit import trail
from idp.core import clock, lifetimes
from idp.core.values import EmailAddress, PhoneNumber
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work

AT_ONCE = 100

account_erasing = signal("account-erasing")
"""Sent with subject= and contacts= within the unit of work: whoever keeps rows about the account removes them."""

account_erased = signal("account-erased")
"""Sent with subject= after it is gone."""


def earliest_erasure() -> int:
    """When an account may be erased whose deletion is asked for now (epoch seconds)."""
    return clock.timestamp() + lifetimes.DELETION.seconds


def request_deletion(account: Account, until: int) -> bool:
    """Lets the time of waiting begin, which ends at `until` (epoch seconds); whether this call began it.

    From then on nobody is signed in to the account. One that is not in ordinary use stays as it is.
    """
    subject = account.subject
    with unit_of_work():
        if not _change_state(subject, ACTIVE, state=DELETING, delete_at=until):
            return False
        generations.raise_generation(subject)
        trail.record("deletion_requested", account=subject)
    return True


def cancel_deletion(account: Account, proved: int | None = None) -> bool:
    """Calls the deletion off; whether this call did, which it does not once the account left the generation `proved`."""
    subject = account.subject
    with unit_of_work():
        if proved is not None and generations.current(subject) != proved:
            return False
        if not _change_state(subject, DELETING, state=ACTIVE, delete_at=None):
            return False
        trail.record("deletion_cancelled", account=subject)
    return True


def deletion_due(subject: str) -> int | None:
    """When an account is to be erased (epoch seconds); None while nobody has asked for that."""
    wanted = select(Account.delete_at).where(Account.subject == subject, Account.state == DELETING)
    due: int | None = db.session.scalar(wanted)
    return due


def in_use(subject: str) -> bool:
    """Whether the account is neither locked nor about to be deleted."""
    return db.session.scalar(select(Account.state).where(Account.subject == subject)) == ACTIVE


def set_legal_hold(account: Account, legal_hold: bool, reason: str) -> None:
    """Keeps an account from being erased, or no longer: for as long as the law wants its record."""
    subject = account.subject
    with unit_of_work():
        db.session.execute(update(Account).where(Account.subject == subject).values(legal_hold=legal_hold))
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
    with unit_of_work() as work:
        if db.session.execute(taken).rowcount != 1:  # type: ignore[attr-defined]
            return False
        _remove(subject)
        trail.record("account_deleted", account=subject)
        generations.touch(subject)
        work.after_commit(lambda: account_erased.send(subject=subject))
    return True


def _remove(subject: str) -> None:
    account = db.session.get_one(Account, subject, populate_existing=True)
    contacts: list[PhoneNumber | EmailAddress] = account.contacts_in_use
    account_erasing.send(subject=subject, contacts=contacts)
    db.session.expunge_all()
    db.session.execute(delete(Account).where(Account.subject == subject))


def _change_state(subject: str, seen: str, **to: Any) -> bool:
    """From the state that was seen to another: of two that race, one moves it."""
    mine = update(Account).where(Account.subject == subject, Account.state == seen).values(**to)
    return bool(db.session.execute(mine).rowcount == 1)  # type: ignore[attr-defined]


def _due_for_erasure(now: int) -> Any:
    return (Account.state == DELETING) & (Account.delete_at <= now) & Account.legal_hold.is_(False)
