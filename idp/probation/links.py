"""Veto links: one for each old contact and message, kept by digest, good for one answer and nothing else."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import insert, select, update

from idp.core import clock, crypto
from idp.core.settings import settings
from idp.core.values import EmailAddress, PhoneNumber
from idp.notices import Notice
from idp.probation import transitions
from idp.probation.model import Recovery, VetoLink
from idp.probation.state_machine import VETO_LIFE
from idp.storage.database import db
from idp.storage.sealing import sealer

Value = PhoneNumber | EmailAddress
PATH = "/recovery/veto/"


def create_links(row: Recovery, contacts: Iterable[Value], words: Callable[[str], Notice]) -> list[tuple[Value, Notice]]:
    """A notice for each contact with a link of its own: what one contact's owner answered binds no other. The links are
    written in the caller's transaction."""
    tokened = [(contact, crypto.random_token(16)) for contact in contacts]
    if tokened:
        expires_at = row.started_at + VETO_LIFE
        links = [
            {"digest": crypto.digest(token), "recovery": row.id, "expires_at": expires_at, "contact_index": _index(contact)}
            for contact, token in tokened
        ]
        db.session.execute(insert(VetoLink), links)
    return [(contact, words(f"{settings().issuer}{PATH}{token}")) for contact, token in tokened]


def recovery_of(token: str) -> Recovery | None:
    """The recovery that an unused link is about; looking uses nothing up, so that link scanners do nothing."""
    wanted = select(VetoLink.recovery).where(_usable(token))
    found = db.session.scalar(wanted)
    return transitions.find(found) if found is not None else None


def contact_index(token: str) -> str | None:
    """The blind index of the contact that an unused link was sent to."""
    return db.session.scalar(select(VetoLink.contact_index).where(_usable(token)))


def use(token: str) -> bool:
    """Uses the link up, in the caller's transaction; False for all but the first of many presses."""
    used = update(VetoLink).where(_usable(token)).values(used_at=clock.timestamp())
    return bool(db.session.execute(used).rowcount)  # type: ignore[attr-defined]


def _index(contact: Value) -> str:
    return sealer().index(contact.value, contact.kind)


def _usable(token: str) -> Any:
    return (VetoLink.digest == crypto.digest(token)) & VetoLink.used_at.is_(None) & (VetoLink.expires_at > clock.timestamp())
