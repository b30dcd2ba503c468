"""Recovery by identity, immediate but provisional: its risk, its states, and what an account may not do meanwhile."""

from dataclasses import dataclass
from typing import Any, Literal

from flask import Flask
from sqlalchemy import delete, func, select

from idp import accounts
from idp.accounts import Account
from idp.core import clock
from idp.core.values import ACR_RECOVERED, Authentication
from idp.probation import transitions
from idp.probation.model import Recovery, VetoLink
from idp.probation.risk import RiskDecision, RiskSignals, assess_risk
from idp.probation.state_machine import VETO_LIFE, Act, ImpossibleAct, State, case_at
from idp.storage.database import db

__all__ = [
    "Act", "ImpossibleAct", "Probation", "Recovery", "RiskDecision", "RiskSignals", "State", "VetoLink",
    "assess_risk", "authentication_event", "case_at", "current_probation", "export", "frozen_until", "init_app",
    "last_veto_deadline",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probation:
    """What limits an account after a recovery: until when (epoch seconds), in which stage, recovered when."""

    until: int
    stage: Literal["provisional", "waiting"]
    recovered_at: int


def current_probation(subject: str) -> Probation | None:
    """The account's probation now; None when no recovery of it is open. A waiting one changes nothing for its owner yet."""
    row = transitions.open_of(subject)
    if row is None:
        return None
    case = case_at(row.case, clock.timestamp())
    stage: Literal["provisional", "waiting"] = "provisional" if case.state is State.PROVISIONAL else "waiting"
    return Probation(case.until, stage, row.completed_at or row.started_at)


def frozen_until(subject: str) -> int | None:
    """Until when (epoch seconds) contacts, new authenticators, deletion and export are frozen; None when they are not."""
    known = current_probation(subject)
    return known.until if known is not None and known.stage == "provisional" else None


def last_veto_deadline(subject: str) -> int:
    """When the last recovery that gave power over the account is beyond undoing (epoch seconds); 0 when none did lately."""
    gave = Recovery.state.in_([State.PROVISIONAL.value, State.FINAL.value, State.DISPUTED.value])
    last = db.session.scalar(select(func.max(Recovery.started_at)).where(Recovery.subject == subject, gave))
    return last + VETO_LIFE if last is not None else 0


def authentication_event(account: Account, amr: tuple[str, ...], generation: int) -> Authentication:
    """The event of having signed in now, in the `generation` in which it was proved: with the account's own class, or
    during probation the lowered one and since when."""
    known, now, acr = current_probation(account.subject), clock.timestamp(), account.acr
    if known is None or known.stage != "provisional":
        return Authentication(account.subject, amr, now, acr, generation=generation)
    return Authentication(account.subject, amr, now, ACR_RECOVERED, known.recovered_at, known.until, generation)


def export(subject: str) -> list[dict[str, Any]]:
    """Every recovery of an account that is still known, as its owner gets it. Times are epoch seconds."""
    wanted = select(Recovery).where(Recovery.subject == subject).order_by(Recovery.started_at)
    columns = ("state", "started_at", "completed_at", "ended_at", "until", "verdict", "inputs")
    return [{name: getattr(row, name) for name in columns} for row in db.session.scalars(wanted)]


def init_app(app: Flask) -> None:
    """An account that is erased takes its recoveries along."""
    accounts.account_erasing.connect(_erase)


def _erase(_: Any, subject: str, **rest: Any) -> None:
    db.session.execute(delete(Recovery).where(Recovery.subject == subject))
