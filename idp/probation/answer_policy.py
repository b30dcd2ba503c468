"""Who may say yes and no to a recovery: a pure function of what is known about whoever answers."""

from dataclasses import dataclass
from typing import Literal

from idp.probation.state_machine import Act

AnsweredBy = Literal["contact", "password", "app", "passkey", "officers"]


@dataclass(frozen=True, slots=True)
class Answerer:
    """How somebody answers, and what weighs against them; `app` is the old password with a code of the app of before.

    second_factor: the account had an authenticator app or a passkey when it was recovered. Of a contact:
    part_of_recovery: the recovery gives it to the account again, so whoever recovers holds it. proved: a code has come
    to it. recent: it became the account's less than 30 days before the recovery, which has older ones.
    """

    by: AnsweredBy
    second_factor: bool = False
    part_of_recovery: bool = False
    proved: bool = True
    recent: bool = False


def allowed_acts(who: Answerer) -> frozenset[Act]:
    """What this answer may be; whether the recovery still takes it, its state decides.

    Two officers decide alone. Where there was a second factor, neither a contact nor the old password stands in for it
    (NIST SP 800-63B 5: what was proved with two factors is not given back for one).
    """
    if who.by == "officers":
        return frozenset({Act.APPROVE, Act.UNDO})
    if who.by in ("passkey", "app"):
        return frozenset({Act.VETO, Act.AFFIRM})
    if who.recent:
        return frozenset()
    doubtful = who.second_factor or who.part_of_recovery or not who.proved
    return frozenset({Act.VETO}) if doubtful else frozenset({Act.VETO, Act.AFFIRM})
