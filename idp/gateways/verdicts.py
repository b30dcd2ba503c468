"""What is asked of the civil registry and how it can answer."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from idp.core.values import FullName, Nik

Purpose = Literal["registration", "recovery"]


class RegistryUnavailable(Exception):
    """Nothing was learned about the person: it is never their fault and never a match.

    `reason`: outage, busy, quota (used up today), closed (outside permitted hours), misconfigured, incomplete (our
    bug) or unknown (an answer nobody foresaw).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Verdict(Enum):
    """What the registry says of the facts; `NEEDS_ATTENTION`: deceased, duplicate or inactive, for Dukcapil to mend."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"
    NEEDS_ATTENTION = "needs_attention"


@dataclass(frozen=True, slots=True)
class Facts:
    """The three facts, as typed. The mother's name lives as long as this object and is kept nowhere."""

    nik: Nik = field(repr=False)
    name: FullName = field(repr=False)
    mothers_name: FullName = field(repr=False)
