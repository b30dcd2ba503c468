"""Browsers that an account was used in before, and the notice about one that it was not."""

from typing import Any

import structlog
from flask import Flask
from sqlalchemy import BigInteger, ForeignKey, String, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.wrappers import Response

from idp import accounts, notices
from idp.accounts import Account
from idp.core import clock, crypto, lifetimes
from idp.storage.database import DATABASE_DOWN, Model, db
from idp.storage.unit_of_work import unit_of_work
from idp.web import cookies, requests

log = structlog.get_logger()

LONG_KNOWN = lifetimes.LONG_KNOWN_DEVICE.seconds
NEW_ACCOUNT_SECONDS = lifetimes.NEW_ACCOUNT.seconds


class KnownDevice(Model):
    """One browser of one account; `digest` is of cookie and subject together: who shares a browser is not to be seen here."""

    __tablename__ = "known_devices"

    subject: Mapped[str] = mapped_column(ForeignKey("accounts.subject", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger, index=True)


DEVICES: Table = KnownDevice.__table__  # type: ignore[assignment]


def init_app(app: Flask) -> None:
    """A recovery by identity, or its undoing, forgets every browser: a thief's must not count as the owner's later."""
    accounts.account_recovered.connect(_forget)


def remember_and_notify(subject: str, response: Response) -> None:
    """After a sign-in: remembers this browser, and tells the person if the account was never used in it.

    Not at the first sign-in after registration. Nothing here keeps anybody from signing in: an outage of SQL is
    logged, and the notice is missed.
    """
    secret = _secret() or crypto.random_token()
    cookies.set_cookie(response, cookies.KNOWN_DEVICE, secret)
    try:
        _remember(subject, secret)
    except DATABASE_DOWN as down:
        log.warning("device_not_noted", why=type(down).__name__)


def is_known(subject: str) -> bool:
    """Whether the account was used in this request's browser."""
    secret = _secret()
    if secret is None:
        return False
    wanted = select(DEVICES.c.subject).where(DEVICES.c.subject == subject, DEVICES.c.digest == _digest(subject, secret))
    with db.engine.connect() as connection:
        return connection.scalar(wanted) is not None


def is_long_known(subject: str) -> bool:
    """Whether the account has been used in this request's browser for 30 days: a thief's of yesterday has no privilege."""
    secret = _secret()
    if secret is None:
        return False
    same = (DEVICES.c.subject == subject) & (DEVICES.c.digest == _digest(subject, secret))
    with db.engine.connect() as connection:
        since = connection.scalar(select(DEVICES.c.created_at).where(same))
    return since is not None and clock.timestamp() - since >= LONG_KNOWN


def of_account(subject: str) -> list[dict[str, int]]:
    """The browsers that the account was used in: created_at and seen_at (epoch seconds), the latest used first."""
    wanted = select(DEVICES.c.created_at, DEVICES.c.seen_at).where(DEVICES.c.subject == subject)
    with db.engine.connect() as connection:
        return [dict(row) for row in connection.execute(wanted.order_by(DEVICES.c.seen_at.desc())).mappings()]


def last_seen_elsewhere(subject: str) -> int | None:
    """When somebody last signed in to the account in another browser than this request's (epoch seconds)."""
    others = select(func.max(DEVICES.c.seen_at)).where(
        DEVICES.c.subject == subject, DEVICES.c.digest != _digest(subject, _secret() or "")
    )
    with db.engine.connect() as connection:
        seen: int | None = connection.scalar(others)
    return seen


def _forget(sender: Any, subject: str, **_: Any) -> None:
    with db.engine.begin() as connection:
        connection.execute(delete(DEVICES).where(DEVICES.c.subject == subject))


def _remember(subject: str, secret: str) -> None:
    """Keeps the browser and, in the same step, the notices to be sent if it is new; of two tabs that come at once one is new."""
    mine, now = {"subject": subject, "digest": _digest(subject, secret)}, clock.timestamp()
    same = (DEVICES.c.subject == subject) & (DEVICES.c.digest == mine["digest"])
    with db.engine.begin() as connection:
        if connection.execute(update(DEVICES).where(same).values(seen_at=now)).rowcount:
            return
    try:
        with unit_of_work():
            db.session.execute(insert(DEVICES), mine | {"created_at": now, "seen_at": now})
            _notify(accounts.find(subject))
    except IntegrityError:
        return


def _notify(account: Account | None) -> None:
    if account is not None and not _first_sign_in(account):
        said = notices.new_device(clock.now(), requests.device_name())
        notices.notify(account.contacts_in_use, said, account.subject)


def _first_sign_in(account: Account) -> bool:
    known = db.session.scalar(select(func.count()).where(DEVICES.c.subject == account.subject))
    return known == 1 and clock.timestamp() - account.created_at < NEW_ACCOUNT_SECONDS


def _secret() -> str | None:
    given = cookies.KNOWN_DEVICE.read()
    return given if 20 <= len(given) <= 64 and given.isascii() else None


def _digest(subject: str, secret: str) -> str:
    return crypto.digest(f"{subject} {secret}")
