"""What an account has enrolled, and what becomes of all of it at once: suspended by a recovery, restored, erased."""

from dataclasses import dataclass

from blinker import signal
from sqlalchemy import delete, select, update

from idp import audit
from idp.authenticators.model import (
    ACTIVE,
    PASSKEY,
    RECOVERY_CODE,
    SUSPENDED,
    TOTP,
    Authenticator,
    PasskeyOffer,
    RememberedDevice,
)
from idp.extensions import db

authenticators_changed = signal("authenticators-changed")
"""Sent with subject= and change= (such as `totp_added`) after the change is committed."""


@dataclass(frozen=True, slots=True)
class PasskeySummary:
    """A passkey as its owner sees it; times are epoch seconds."""

    id: str
    label: str
    created_at: int
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What an account can use now; suspended ones do not count."""

    totp: bool = False
    passkeys: tuple[PasskeySummary, ...] = ()
    recovery_codes_left: int = 0

    @property
    def any(self) -> bool:
        """Whether there is a second factor; recovery codes alone are none, they stand in for one."""
        return self.totp or bool(self.passkeys)

    @property
    def sms(self) -> bool:
        """Whether a code by SMS will do: numbers are taken over too easily to stand beside anything stronger.

        Only for those who have nothing else, or nothing else that could still be typed in: no recovery code is left.
        """
        return not self.any or not self.recovery_codes_left


def of(subject: str) -> Enrolled:
    """What this account has enrolled."""
    wanted = select(Authenticator).where(Authenticator.subject == subject, Authenticator.state == ACTIVE)
    rows = list(db.session.scalars(wanted.order_by(Authenticator.created_at, Authenticator.id)))
    passkeys = (PasskeySummary(r.id, r.label, r.created_at, r.last_used_at) for r in rows if r.kind == PASSKEY)
    codes = sum(row.kind == RECOVERY_CODE for row in rows)
    return Enrolled(any(row.kind == TOTP for row in rows), tuple(passkeys), codes)


def suspend_all(subject: str, key: str) -> int:
    """Nothing enrolled so far works until `restore_all` with the same key (at most 64 characters); how many."""
    of_account = (Authenticator.subject == subject) & (Authenticator.state == ACTIVE)
    found = db.session.execute(update(Authenticator).where(of_account).values(state=SUSPENDED, suspended_by=key))
    _forget_devices(subject)
    db.session.commit()
    audit.record("authenticators_suspended", account=subject)
    return int(found.rowcount)  # type: ignore[attr-defined]


def restore_all(subject: str, key: str) -> int:
    """What was suspended under `key` works again, in place of whatever was enrolled meanwhile; how many."""
    mine = Authenticator.subject == subject
    restored = mine & (Authenticator.suspended_by == key)
    if db.session.scalar(select(Authenticator.id).where(restored).limit(1)) is not None:
        # Whoever recovered and is now undone leaves no way in behind.
        db.session.execute(delete(Authenticator).where(mine & (Authenticator.state == ACTIVE)))
    found = db.session.execute(update(Authenticator).where(restored).values(state=ACTIVE, suspended_by=None))
    _forget_devices(subject)
    db.session.commit()
    audit.record("authenticators_restored", account=subject)
    return int(found.rowcount)  # type: ignore[attr-defined]


def erase_all(subject: str) -> None:
    """Nothing is left, of suspended ones either."""
    db.session.execute(delete(Authenticator).where(Authenticator.subject == subject))
    db.session.execute(delete(PasskeyOffer).where(PasskeyOffer.subject == subject))
    _forget_devices(subject)
    db.session.commit()


def _forget_devices(subject: str) -> None:
    db.session.execute(delete(RememberedDevice).where(RememberedDevice.subject == subject))
