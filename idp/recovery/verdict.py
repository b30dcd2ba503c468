"""How far a recovery by identity may go at once: a pure function of what is known about it."""

from dataclasses import dataclass
from enum import Enum


class Completion(Enum):
    """How a recovery by identity ends. A provisional stage and a waiting one, both with a veto, take their places here."""

    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a verdict weighs: whether the account exists, and that all of its old contacts have been told."""

    account_exists: bool
    contacts_told: bool


def verdict(circumstances: Circumstances) -> Completion | None:
    """Whether and how the recovery completes; None when there is nothing to recover, or its owner was not told.

    The three facts are known to many and prove little, so signs of abuse belong into this weighing, and nowhere else.
    Today whatever may complete does so at once.
    """
    if not circumstances.account_exists or not circumstances.contacts_told:
        return None
    return Completion.COMPLETE
