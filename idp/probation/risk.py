"""How risky a recovery by identity is: a pure function of what is known about it, its inputs and verdict kept for audit."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from idp.core import lifetimes

# What each circumstance weighs; the sum decides.
WEIGHTS: dict[str, int] = {
    "used_elsewhere": 3,
    "old_phone_lives": 1,
    "seen_before": 3,
    "surge": 2,
    "known_device": -3,
    "old_proof": -4,
    "dormant": -2,
}


@dataclass(frozen=True, slots=True)
class RiskSignals:
    """What is weighed, each yes or no.

    used_elsewhere: the account was used in the last 30 days from another device. old_phone_lives: the old phone
    confirmed that it got the warning. seen_before: contact, device or address were in another recovery. surge: three
    times as many recoveries as usual. known_device: this browser is one that the account remembers. old_proof: the
    previous password, a recovery code, a passkey or an old contact was given too. dormant: the old contacts are
    provably dead and nobody signed in for 180 days.
    """

    used_elsewhere: bool = False
    old_phone_lives: bool = False
    seen_before: bool = False
    surge: bool = False
    known_device: bool = False
    old_proof: bool = False
    dormant: bool = False

    def to_dict(self) -> dict[str, bool]:
        """As the recovery's row and the audit trail keep it."""
        return asdict(self)


class RiskDecision(StrEnum):
    """How a recovery goes on after its code."""

    SHORT = "provisional_24h"
    LONG = "provisional_72h"
    WAIT = "waiting_72h"


DURATION_SECONDS = {
    RiskDecision.SHORT: lifetimes.RECOVERY_SHORT.seconds,
    RiskDecision.LONG: lifetimes.RECOVERY_LONG.seconds,
    RiskDecision.WAIT: lifetimes.RECOVERY_WAIT.seconds,
}


def score(known: RiskSignals) -> int:
    """The sum of the weights of what is the case."""
    return sum(WEIGHTS[name] for name, given in known.to_dict().items() if given)


def assess_risk(known: RiskSignals) -> RiskDecision:
    """At most 0: provisional for 24 h. 1 to 3: for 72 h. 4 and more: it waits 72 h first.

    An account that was used within 30 days somewhere else is alive, whatever any gateway reports: recovering it waits
    unless something old speaks for the person, since its owner can say no.
    """
    weight = score(known)
    if known.used_elsewhere and not (known.known_device or known.old_proof):
        return RiskDecision.WAIT
    if weight <= 0:
        return RiskDecision.SHORT
    return RiskDecision.LONG if weight <= 3 else RiskDecision.WAIT
