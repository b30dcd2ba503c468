"""Browsers that an account was used in before, and the notice about one that it was not."""

import structlog
from sqlalchemy import BigInteger, ColumnElement, ForeignKey, String, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.wrappers import Response

from idp import accounts, notices
from idp.accounts import Account
from idp.core import clock, crypto, lifetimes
from idp.core.values import Authentication
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
    generation: Mapped[int] = mapped_column(BigInteger, server_default="0", doc="The account's at the last sign-in here.")


DEVICES: Table = KnownDevice.__table__  # type: ignore[assignment]


def remember_and_notify(proved: Authentication, response: Response) -> None:
    """After a sign-in: remembers this browser, and tells the person if the account was never used in it.

    Not at the first sign-in after registration. Nothing here keeps anybody from signing in: an outage of SQL is
    logged, and the notice is missed.
    """
    secret = _secret() or crypto.random_token()
    cookies.set_cookie(response, cookies.KNOWN_DEVICE, secret)
    try:
        _remember(proved, secret)
    except DATABASE_DOWN as down:
        log.warning("device_not_noted", why=type(down).__name__)


def is_known(subject: str) -> bool:
    """Whether the account was used in this request's browser, in the generation that it is in now."""
    return _known_since(subject) is not None


def is_long_known(subject: str) -> bool:
    """Whether that has been so for 30 days: a thief's browser of yesterday has no privilege, nor one from before a change
    of the account."""
    since = _known_since(subject)
    return since is not None and clock.timestamp() - since >= LONG_KNOWN


def go_on(subject: str, before: int, generation: int) -> None:
    """Lets this request's browser be known after its owner's own change of the account, in the unit of work that is open."""
    secret = _secret()
    if secret is not None:
        same = _same(subject, secret) & (DEVICES.c.generation == before)
        db.session.execute(update(DEVICES).where(same).values(generation=generation))


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


def _known_since(subject: str) -> int | None:
    secret = _secret()
    if secret is None:
        return None
    wanted = select(DEVICES.c.created_at).join(Account, Account.subject == DEVICES.c.subject)
    with db.engine.connect() as connection:
        since: int | None = connection.scalar(wanted.where(_same(subject, secret), DEVICES.c.generation == Account.generation))
    return since


def _remember(proved: Authentication, secret: str) -> None:
    """Keeps the browser and, in the same step, the notices to be sent if it is new; of two tabs that come at once one is new.

    One that is known from before a change of the account is new: who was there may be whom the change was made against.
    """
    subject, now, generation = proved.account, clock.timestamp(), proved.generation
    with db.engine.begin() as connection:
        seen = update(DEVICES).where(_same(subject, secret), DEVICES.c.generation == generation).values(seen_at=now)
        if connection.execute(seen).rowcount:
            return
    anew = {"created_at": now, "seen_at": now, "generation": generation}
    older = _same(subject, secret) & (DEVICES.c.generation < generation)
    try:
        with unit_of_work():
            again = bool(db.session.execute(update(DEVICES).where(older).values(anew)).rowcount)  # type: ignore[attr-defined]
            if not again:
                db.session.execute(insert(DEVICES), anew | {"subject": subject, "digest": _digest(subject, secret)})
            _notify(accounts.find(subject), again=again)
    except IntegrityError:
        return


def _same(subject: str, secret: str) -> ColumnElement[bool]:
    return (DEVICES.c.subject == subject) & (DEVICES.c.digest == _digest(subject, secret))


def _notify(account: Account | None, *, again: bool) -> None:
    if account is not None and (again or not _first_sign_in(account)):
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
