"""What the protocol says about an account without asking SQL: a sealed copy in the store, dropped at every change."""

from typing import Any, cast

import orjson

from idp.accounts import generations
from idp.accounts.model import Account
from idp.core import clock
from idp.storage.database import db
from idp.storage.sealing import Unsealable, sealer

CLAIMS_FIELD = "claims"


def claims(account: Account) -> dict[str, Any]:
    """Every claim that any client could get (OpenID Connect Core 5.1), and our own `nik` and `roles`."""
    phone, email, nik = account.phone, account.email, account.nik
    born = nik.birthdate(clock.now().date())
    known: dict[str, Any] = {
        "name": account.name.text,
        "email": email.value if email else None,
        "email_verified": _verified(account, "email") if email else None,
        "phone_number": phone.value if phone else None,
        "phone_number_verified": _verified(account, "phone") if phone else None,
        "birthdate": born.isoformat() if born else None,
        "gender": nik.gender,
        "locale": account.locale,
        "updated_at": account.updated_at,
        "nik": nik.value,
        "roles": account.roles,
    }
    return {name: value for name, value in known.items() if value is not None}


def cached_claims(subject: str, prefetched: bytes | None = None) -> dict[str, Any]:
    """The claims of `subject`, from a copy that rode along with another read, else from SQL, and then kept; {} if unknown."""
    if prefetched is not None:
        try:
            return cast(dict[str, Any], orjson.loads(sealer().open(prefetched.decode(), _context(subject))))
        except Unsealable:
            pass  # sealed under a ring that is gone: SQL is the truth
    leased = generations.lease(subject)
    account = db.session.get(Account, subject, populate_existing=True)
    if account is None:
        return {}
    known = claims(account)
    sealed = sealer().seal(orjson.dumps(known).decode(), _context(subject))
    # Kept only if the account did not change while SQL was read: else the old facts would outlive the change.
    generations.keep(subject, leased, {CLAIMS_FIELD: sealed})
    return known


def _verified(account: Account, kind: str) -> bool:
    return any(c.kind == kind and c.current and c.verified_at is not None for c in account.contacts)


def _context(subject: str) -> str:
    return f"store.claims:{subject}"
