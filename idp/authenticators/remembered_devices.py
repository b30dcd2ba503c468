"""Browsers in which the second factor is not asked for 30 days: a random cookie, of which only the digest is kept."""

from flask import Response
from sqlalchemy import Select, delete, func, select, update

from idp.accounts import Account
from idp.audit import trail
from idp.authenticators.model import RememberedDevice
from idp.core import clock, crypto, lifetimes
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work
from idp.web import cookies
from idp.web.cookies import REMEMBERED_DEVICE

LIFE = lifetimes.REMEMBERED_DEVICE.seconds


def remember(subject: str, response: Response, generation: int) -> None:
    """From now on this browser need not give the account's second factor, which was given in this `generation` of the
    account; other accounts' ease in it stays."""
    secret, now = crypto.random_token(), clock.timestamp()
    known = {"created_at": now, "expires_at": now + LIFE, "generation": generation}
    # Always a new secret: whoever planted or copied the old cookie has nothing.
    mine = RememberedDevice.digest == _digest()
    with unit_of_work():
        db.session.execute(delete(RememberedDevice).where(mine, RememberedDevice.subject == subject))
        db.session.execute(update(RememberedDevice).where(mine).values(digest=crypto.digest(secret)))
        db.session.add(RememberedDevice(digest=crypto.digest(secret), subject=subject, **known))
        trail.record("device_remembered", account=subject)
    cookies.set_cookie(response, REMEMBERED_DEVICE, secret)


def is_remembered(subject: str) -> bool:
    """Whether the account was remembered in this request's browser within 30 days."""
    if not REMEMBERED_DEVICE.read():
        return False
    wanted = _counting(select(RememberedDevice.expires_at), subject).where(RememberedDevice.digest == _digest())
    expires_at = db.session.scalar(wanted)
    return expires_at is not None and clock.timestamp() < expires_at


def count(subject: str) -> int:
    """How many browsers need not give this account's second factor now."""
    wanted = _counting(select(func.count()).select_from(RememberedDevice), subject)
    return db.session.scalar(wanted.where(RememberedDevice.expires_at > clock.timestamp())) or 0


def forget_all(subject: str) -> int:
    """Every browser has to give the second factor again; how many there were."""
    with unit_of_work():
        found = db.session.execute(delete(RememberedDevice).where(RememberedDevice.subject == subject))
    return int(found.rowcount)  # type: ignore[attr-defined]


def delete_expired() -> int:
    """Removes what has expired; how many."""
    with unit_of_work():
        found = db.session.execute(delete(RememberedDevice).where(RememberedDevice.expires_at <= clock.timestamp()))
    return int(found.rowcount)  # type: ignore[attr-defined]


def _counting(wanted: "Select[int]", subject: str) -> "Select[int]":
    """Those that were remembered in the generation that the account is in, and are not suspended."""
    same = (Account.subject == RememberedDevice.subject) & (Account.generation == RememberedDevice.generation)
    return wanted.join(Account, same).where(RememberedDevice.subject == subject, RememberedDevice.suspended_by.is_(None))


def _digest() -> str:
    return crypto.digest(REMEMBERED_DEVICE.read())
