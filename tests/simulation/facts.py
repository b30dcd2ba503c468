"""What SQL says about each account: the facts that only its owner's deeds may change."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import func, select

from idp.accounts.model import Account, Contact
from idp.authenticators.model import ACTIVE, TOTP, Authenticator
from idp.core import clock
from idp.core.values import ACR_FULL, Nik
from idp.probation.model import Recovery
from idp.probation.state_machine import State
from idp.storage.database import db
from idp.storage.sealing import sealer


@dataclass(frozen=True)
class Facts:
    """One account. `provisional` is that it is on probation now, `recoveries` how each of its recoveries stands."""

    subject: str = ""
    password: str = ""
    phone: str = ""
    email: str = ""
    app: bool = False
    state: str = ""
    assured: bool = False
    provisional: bool = False
    recoveries: tuple[tuple[str, str], ...] = ()


OWN = ("password", "phone", "email", "app", "state")
NOBODY = Facts()


def ended(before: Facts, after: Facts) -> str:
    """Why nothing of before counts any more, as the facts tell it; empty when they do not."""
    for name in ("password", "phone", "email"):
        if getattr(before, name) != getattr(after, name):
            return f"before another {name}"
    if before.app and not after.app:
        return "before the second factor was removed or suspended"
    if before.state != after.state and after.state in ("locked", "deleting", ""):
        return f"before the account was {after.state or 'erased'}"
    if before.assured and not after.assured:
        return "before the class was withdrawn"
    return ""


def read(niks: dict[str, str]) -> dict[str, Facts]:
    """The facts of everybody (NIK by name), inside the application's context."""
    found = {}
    with db.engine.connect() as connection:
        indexes = {sealer().index(Nik(nik).value, "nik"): name for name, nik in niks.items()}
        rows = connection.execute(select(Account.__table__)).mappings().all()
        contacts = connection.execute(select(Contact.__table__).where(Contact.superseded_at.is_(None))).mappings().all()
        apps = set(
            connection.scalars(select(Authenticator.subject).where(Authenticator.kind == TOTP, Authenticator.state == ACTIVE))
        )
        recoveries = connection.execute(select(Recovery.__table__).order_by(Recovery.id)).mappings().all()
    for row in rows:
        mine = [contact for contact in contacts if contact["subject"] == row["subject"]]
        known = Facts(
            row["subject"], row["password_hash"], app=row["subject"] in apps, state=row["state"], assured=row["acr"] == ACR_FULL,
            recoveries=tuple((r["id"], r["state"]) for r in recoveries if r["subject"] == row["subject"]),
            provisional=any(r["state"] == State.PROVISIONAL and r["until"] > clock.timestamp() for r in recoveries if r["subject"] == row["subject"]),
        )  # fmt: skip
        found[indexes[row["nik_index"]]] = replace(known, **{c["kind"]: _opened(c["value_sealed"], row["subject"]) for c in mine})
    return found


@cache
def _opened(sealed: str, subject: str) -> str:
    return sealer().open(sealed, f"contacts.value:{subject}")


def doubles() -> list[Any]:
    """What there must be one of only: accounts of one NIK, proved contacts in use."""
    with db.engine.connect() as connection:
        twice = select(Account.nik_index).group_by(Account.nik_index).having(func.count() > 1)
        proved = (Contact.superseded_at.is_(None), Contact.verified_at.is_not(None))
        shared = select(Contact.value_index).where(*proved).group_by(Contact.kind, Contact.value_index).having(func.count() > 1)
        return [*connection.scalars(twice), *connection.scalars(shared)]
