"""Ten codes on paper that stand in for a lost phone: kept by blind index only, each good once."""

from sqlalchemy import ColumnElement, delete, select

from idp.accounts import Account
from idp.authenticators import changes
from idp.authenticators.attempt_limit import verify_within_limit
from idp.authenticators.model import ACTIVE, RECOVERY_CODE, Authenticator
from idp.core import crypto
from idp.storage.database import db
from idp.storage.sealing import sealer

COUNT = 10
LENGTH = 10
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 signs, none that looks like another on paper: 50 bits a code


def regenerate(subject: str) -> list[str]:
    """Ten new codes, shown this once; the old ones die with the same commit."""
    codes = [crypto.random_code(ALPHABET, LENGTH) for _ in range(COUNT)]
    rows = [Authenticator.of(subject, RECOVERY_CODE, lookup=_index(subject, code)) for code in codes]
    with changes.notified_change(subject, "recovery_codes_made"):
        # The account's row is held: two who ask at once get ten codes that work, not twenty.
        db.session.execute(select(Account.subject).where(Account.subject == subject).with_for_update())
        db.session.execute(delete(Authenticator).where(_mine(subject)))
        db.session.add_all(rows)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def verify(subject: str, code: str) -> None:
    """Returns once for each code, which it uses up; raises WrongFactor, TooManyAttempts."""
    verify_within_limit(subject, RECOVERY_CODE, lambda: _take(subject, code))


def _take(subject: str, code: str) -> bool:
    given = "".join(c for c in code[:40].upper() if c in ALPHABET)
    indexes = sealer().indexes(f"{subject}\x1f{given}", "recovery-code")
    # The row's end is its use: of two that bring the same code, the database lets one through.
    used = delete(Authenticator).where(_mine(subject) & Authenticator.lookup.in_(indexes))
    return changes.used_if_found(used, subject, "recovery_code_used")


def _index(subject: str, code: str) -> str:
    return sealer().index(f"{subject}\x1f{code}", "recovery-code")


def _mine(subject: str) -> ColumnElement[bool]:
    return (Authenticator.subject == subject) & (Authenticator.kind == RECOVERY_CODE) & (Authenticator.state == ACTIVE)
