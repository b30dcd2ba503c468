"""What an account has enrolled, and what becomes of all of it at once: suspended by a recovery, restored, erased."""

from dataclasses import dataclass

from sqlalchemy import delete, select, update

from idp.accounts import generations
from idp.authenticators.model import (
    ACTIVE,
    PASSKEY,
    RECOVERY_CODE,
    SUSPENDED,
    TOTP,
    Authenticator,
    RememberedDevice,
)
from idp.storage.database import db


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

        Only for those who have nothing else, or an app and no recovery code left. Never beside a passkey, which no
        taken number replaces: whoever has lost it recovers.
        """
        return not self.any or not (self.passkeys or self.recovery_codes_left)


def enrolled_for(subject: str) -> Enrolled:
    """What this account has enrolled."""
    wanted = select(Authenticator).where(Authenticator.subject == subject, Authenticator.state == ACTIVE)
    rows = list(db.session.scalars(wanted.order_by(Authenticator.created_at, Authenticator.id)))
    passkeys = (PasskeySummary(r.id, r.label, r.created_at, r.last_used_at) for r in rows if r.kind == PASSKEY)
    codes = sum(row.kind == RECOVERY_CODE for row in rows)
    return Enrolled(any(row.kind == TOTP for row in rows), tuple(passkeys), codes)


def had_second_factor(subject: str, key: str) -> bool:
    """Whether the account has a second factor, or had one until `suspend_all` with this key; recovery codes alone are none."""
    kept = (Authenticator.state == ACTIVE) | (Authenticator.suspended_by == key)
    strong = Authenticator.kind.in_((TOTP, PASSKEY))
    wanted = select(Authenticator.id).where(Authenticator.subject == subject, kept, strong).limit(1)
    return db.session.scalar(wanted) is not None


def suspend_all(subject: str, key: str) -> int:
    """Nothing enrolled so far works until `restore_all` with the same key (at most 64 characters), and no browser is
    excused; how many there were. In the caller's transaction."""
    of_account = (Authenticator.subject == subject) & (Authenticator.state == ACTIVE)
    found = db.session.execute(update(Authenticator).where(of_account).values(state=SUSPENDED, suspended_by=key))
    excused = (RememberedDevice.subject == subject) & RememberedDevice.suspended_by.is_(None)
    db.session.execute(update(RememberedDevice).where(excused).values(suspended_by=key))
    return int(found.rowcount)  # type: ignore[attr-defined]


def restore_all(subject: str, key: str, since: int) -> int:
    """What was suspended under `key` works again, in place of whatever was enrolled `since` (epoch seconds); how many.

    In the caller's transaction. Whoever recovered and is now undone leaves no way in behind, also where nothing was
    enrolled before.
    """
    mine, theirs = Authenticator.subject == subject, RememberedDevice.subject == subject
    later = mine & (Authenticator.state == ACTIVE) & (Authenticator.created_at >= since)
    db.session.execute(delete(Authenticator).where(later))
    db.session.execute(delete(RememberedDevice).where(theirs, RememberedDevice.suspended_by.is_(None)))
    suspended = mine & (Authenticator.suspended_by == key) & (Authenticator.state == SUSPENDED)
    found = db.session.execute(update(Authenticator).where(suspended).values(state=ACTIVE, suspended_by=None))
    # They belong to whoever is owner again: they go on under the generation of this very change.
    again = {"suspended_by": None, "generation": generations.current(subject)}
    db.session.execute(update(RememberedDevice).where(theirs, RememberedDevice.suspended_by == key).values(again))
    return int(found.rowcount)  # type: ignore[attr-defined]
