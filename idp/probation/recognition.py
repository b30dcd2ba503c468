"""Recognising at sign-in whoever has what a recovery suspended: they are asked whether the recovery is theirs."""

from sqlalchemy import select

from idp import accounts
from idp.accounts import Contact, Identifier, generations, hashing
from idp.core.values import Nik
from idp.probation import transitions
from idp.probation.model import Recovery
from idp.probation.state_machine import State
from idp.storage.database import db
from idp.storage.sealing import sealer


def recovery_that_suspended_password(identifier: Identifier, password: str) -> tuple[Recovery, int] | None:
    """The recovery that suspended this very password of the account with this NIK or contact, old or new; and the
    account's generation when that was shown.

    To be called after an attempt that was counted and failed. Raises Busy.
    """
    row = _of_identifier(identifier)
    generation = generations.current(row.subject) if row is not None else 0
    if row is None or not hashing.matches(password, row.old_password_hash):
        return None
    return row, generation


def provisional_recovery(subject: str) -> Recovery | None:
    """The provisional recovery that suspended what this account had before."""
    row = transitions.open_of(subject)
    return row if row is not None and transitions.current_case(row).state is State.PROVISIONAL else None


def waiting_recovery(subject: str) -> Recovery | None:
    """The recovery that waits while the account's owner has just signed in as ever."""
    row = transitions.open_of(subject)
    return row if row is not None and transitions.current_case(row).state in (State.WAITING, State.READY) else None


def _of_identifier(identifier: Identifier) -> Recovery | None:
    account = accounts.find_by_identifier(identifier)
    if account is not None:
        return provisional_recovery(account.subject)
    if isinstance(identifier, Nik):
        return None
    kind = identifier.kind
    indexes = sealer().indexes(identifier.value, kind)
    replaced = select(Contact).where(Contact.kind == kind, Contact.value_index.in_(indexes), Contact.superseded_at.is_not(None))
    for contact in db.session.scalars(replaced):
        row = provisional_recovery(contact.subject)
        if row is not None and contact.id in (row.old_contacts or []):
            return row
    return None
