"""Recovery by identity, immediate but provisional: its risk, its states, and what an account may not do meanwhile."""

from dataclasses import dataclass
from typing import Literal

from idp import clock
from idp.accounts import Account
from idp.probation import transitions
from idp.probation.machine import Act, Impossible, Power, State, at, power
from idp.probation.model import Recovery, VetoLink
from idp.probation.risk import Circumstances, Way, verdict
from idp.values import ACR_RECOVERED, Authentication

__all__ = [
    "Act", "Circumstances", "Impossible", "Power", "Probation", "Recovery", "State", "VetoLink", "Way", "at",
    "authentication", "frozen", "of", "power", "verdict",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probation:
    """What limits an account after a recovery: until when (epoch seconds), in which stage, recovered when."""

    until: int
    stage: Literal["provisional", "waiting"]
    recovered_at: int


def of(subject: str) -> Probation | None:
    """The account's probation now; None when no recovery of it is open. A waiting one changes nothing for its owner yet."""
    row = transitions.open_of(subject)
    if row is None:
        return None
    case = at(row.case, clock.timestamp())
    stage: Literal["provisional", "waiting"] = "provisional" if case.state is State.PROVISIONAL else "waiting"
    return Probation(case.until, stage, row.completed_at or row.started_at)


def frozen(subject: str) -> int | None:
    """Until when (epoch seconds) contacts, new authenticators, deletion and export are frozen; None when they are not."""
    known = of(subject)
    return known.until if known is not None and known.stage == "provisional" else None


def authentication(account: Account, amr: tuple[str, ...]) -> Authentication:
    """The event of having signed in now: with the account's own class, or during probation the lowered one and since when."""
    known, now = of(account.subject), clock.timestamp()
    if known is None or known.stage != "provisional":
        return Authentication(account.subject, amr, now, account.acr)
    return Authentication(account.subject, amr, now, ACR_RECOVERED, known.recovered_at, known.until)
