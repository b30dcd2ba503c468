"""The authenticator app (RFC 6238): set up with a QR code or a typed key, each code good once."""

from base64 import b32encode

import pyotp
import segno
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import IntegrityError

from idp.authenticators import changes
from idp.authenticators.attempt_limit import WrongFactor, verify_within_limit
from idp.authenticators.model import ACTIVE, SUSPENDED, TOTP, Authenticator
from idp.core import clock, crypto
from idp.storage.database import db
from idp.storage.sealing import sealer
from idp.storage.unit_of_work import unit_of_work

STEP = 30  # seconds
DRIFT = 1  # steps that a phone's clock may be ahead or behind (RFC 6238 section 6)
ISSUER = "SIAPkerja"


class AlreadyEnrolled(Exception):
    """The account has an app in use: that one is removed first."""


def new_key() -> str:
    """A fresh key of 160 bits (RFC 4226 section 4), base32, to be kept sealed until the first code proves it arrived."""
    return b32encode(crypto.random_bytes(20)).decode("ascii")


def provisioning_uri(key: str, name: str) -> str:
    """The key as an app takes it (`otpauth:`), labelled `name` there, such as a masked address."""
    return pyotp.TOTP(key).provisioning_uri(name=name, issuer_name=ISSUER)


def qr_code_uri(uri: str) -> str:
    """A provisioning URI as an image (an SVG data URI)."""
    return segno.make(uri, error="m").svg_data_uri(scale=5, border=4, light="#fff", dark="#000", encode_minimal=False)


def grouped_key(key: str) -> str:
    """The key in groups of four, for those who type it."""
    return " ".join(key[i : i + 4] for i in range(0, len(key), 4))


def enrol(subject: str, key: str, code: str) -> None:
    """Takes the app into use; its first code counts as used. Raises WrongFactor, AlreadyEnrolled, TooManyAttempts."""
    step = _step_of(key, code)
    verify_within_limit(subject, TOTP, lambda: step is not None)
    new = Authenticator.of(subject, TOTP, counter=step)
    new.secret = sealer().seal(key, _context(new.id))
    try:
        with changes.notified_change(subject, "totp_added"):
            db.session.add(new)
    except IntegrityError:
        raise AlreadyEnrolled from None


def verify(subject: str, code: str, suspended_by: str = "") -> None:
    """Returns once for each code of the account's app, or of the one that was suspended under this key (`suspend_all`);
    raises WrongFactor, TooManyAttempts."""
    verify_within_limit(subject, TOTP, lambda: _use(_theirs(subject, suspended_by), code))


def is_enrolled(subject: str, suspended_by: str = "") -> bool:
    """Whether the account has an app, or had the one that was suspended under this key."""
    return db.session.scalar(select(Authenticator.id).where(_theirs(subject, suspended_by)).limit(1)) is not None


def restore(subject: str, suspended_by: str) -> None:
    """Puts the app that was suspended under this key in use again, in the unit of work that is open: its owner has shown it."""
    again = update(Authenticator).where(_theirs(subject, suspended_by)).values(state=ACTIVE, suspended_by=None)
    db.session.execute(again.execution_options(synchronize_session=False))


def remove(subject: str, proved: int | None = None, keeps: str = "") -> int | None:
    """The app proves nothing any more; the account's new generation, None when there was no app. Raises Outdated."""
    mine = (Authenticator.subject == subject) & (Authenticator.kind == TOTP) & (Authenticator.state == ACTIVE)
    return changes.remove_if_found(delete(Authenticator).where(mine), subject, "totp_removed", proved, keeps)


def _theirs(subject: str, suspended_by: str) -> ColumnElement[bool]:
    mine = (Authenticator.subject == subject) & (Authenticator.kind == TOTP)
    if not suspended_by:
        return mine & (Authenticator.state == ACTIVE)
    return mine & (Authenticator.state == SUSPENDED) & (Authenticator.suspended_by == suspended_by)


def _use(theirs: ColumnElement[bool], code: str) -> bool:
    known = db.session.scalars(select(Authenticator).where(theirs)).first()
    step = _step_of(sealer().open(known.secret, _context(known.id)), code) if known else None
    if known is None or step is None:
        return False
    # Compare and set: of two that bring the same code, or an older one, the database lets one through (RFC 6238 5.2).
    unused = (Authenticator.id == known.id) & theirs & (Authenticator.counter < step)
    used = update(Authenticator).where(unused).values(counter=step, last_used_at=clock.timestamp())
    with unit_of_work():
        won = db.session.execute(used.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
    return bool(won)


def _step_of(key: str, code: str) -> int | None:
    """The time step whose code this is, around now."""
    given, now = "".join(c for c in code[:40] if c.isascii() and c.isdigit()), clock.timestamp() // STEP
    app = pyotp.TOTP(key)
    steps = [step for step in range(now - DRIFT, now + DRIFT + 1) if crypto.constant_time_equal(app.generate_otp(step), given)]
    return steps[0] if steps else None


def _context(authenticator_id: str) -> str:
    return f"authenticators.secret:{authenticator_id}"


__all__ = [
    "AlreadyEnrolled",
    "WrongFactor",
    "enrol",
    "grouped_key",
    "is_enrolled",
    "new_key",
    "provisioning_uri",
    "qr_code_uri",
    "remove",
    "restore",
    "verify",
]
