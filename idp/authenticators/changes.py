"""How every change of what an account proves itself with ends: audited, and its contacts told, in the same unit of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Executable

from idp import accounts, notices
from idp.accounts import generations
from idp.audit import trail
from idp.core import clock
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work

Change = Literal["totp_added", "totp_removed", "passkey_added", "passkey_removed", "recovery_codes_made", "recovery_code_used"]


@contextmanager
def notified_change(subject: str, change: Change) -> Iterator[None]:
    """The block changes what the account proves itself with, and its contacts are told in the same step.

    Nothing is changed that nobody hears of: a crash in between undoes both, a crash afterwards delays the notice. What
    the block raises undoes it, such as NothingFound.
    """
    with unit_of_work():
        yield
        if change != "recovery_code_used":  # audited as the second factor that it was
            trail.record(change, account=subject)
        account = accounts.find(subject)
        said = notices.authenticators_changed(change, clock.now())
        notices.notify(account.contacts_in_use if account else [], said, subject)


class NothingFound(Exception):
    """There was nothing to change."""


def used_if_found(statement: Executable, subject: str, change: Change) -> bool:
    """Executes a statement whose rows are what is used up; False, and nobody is told, where it found none."""
    try:
        with notified_change(subject, change):
            _executed(statement)
    except NothingFound:
        return False
    return True


def remove_if_found(
    statement: Executable, subject: str, change: Change, proved: int | None = None, keeps: str = ""
) -> int | None:
    """Executes a statement whose rows are the second factor that is removed; the account's new generation, None where it
    found nothing. Raises Outdated as `generations.raise_generation`."""
    try:
        with notified_change(subject, change):
            if accounts.find(subject) is None:
                raise NothingFound
            generation = generations.raise_generation(subject, proved, keeps)
            _executed(statement)
    except NothingFound:
        return None
    return generation


def _executed(statement: Executable) -> None:
    if not db.session.execute(statement).rowcount:  # type: ignore[attr-defined]
        raise NothingFound
