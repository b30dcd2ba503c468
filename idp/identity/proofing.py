"""Proving who someone is by three facts at the civil registry: for registration, and to begin a recovery."""

from dataclasses import dataclass, field
from typing import Any, Self

from flask import Response, after_this_request

from idp.audit import trail
from idp.core import clock, crypto, lifetimes
from idp.core.values import FullName, Nik, PhoneNumber
from idp.gateways import dukcapil
from idp.gateways.civil_registry import THRESHOLDS, Facts, Purpose, RegistryUnavailable, Verdict, civil_registry
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.storage.sealing import sealer
from idp.web import cookies, requests
from idp.web.cookies import BROWSER
from idp.web.csrf import browser_secret

PROOF_LIFE = lifetimes.IDENTITY_PROOF.seconds

Acts = list[tuple[str, tuple[str, ...]]]


class FactsDoNotMatch(Exception):
    """NIK, name or mother's name do not belong together; which one is never told. `remaining` tries are left today."""

    def __init__(self, remaining: int) -> None:
        super().__init__("facts do not match")
        self.remaining = remaining


class NikNotFound(FactsDoNotMatch):
    """The registry does not know the NIK; counted as a wrong try like any other."""


class NumberNeeded(Exception):
    """Others have given wrong facts for this NIK too often: whoever goes on proves a phone number first, so that guessing
    costs a number a try and the person whose NIK it is always gets through. `used` when the number given has had its try."""

    def __init__(self, *, used: bool = False) -> None:
        super().__init__("a proved number is needed")
        self.used = used


class RecordNeedsAttention(Exception):
    """The registry's record is inactive, duplicate or of somebody deceased: only the local Dukcapil can mend it."""


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """That the facts matched, when; what is kept of them is NIK and name. The mother's name is in none of it."""

    nik: Nik
    name: FullName = field(repr=False)
    verified_at: int
    reference: str

    @property
    def fresh(self) -> bool:
        """Whether it may still be used."""
        return clock.timestamp() - self.verified_at < PROOF_LIFE

    def to_dict(self) -> dict[str, Any]:
        """For a room's notes, which are sealed."""
        return {
            "nik": self.nik.value,
            "name": self.name.text,
            "verified_at": self.verified_at,
            "reference": self.reference,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(Nik(data["nik"]), FullName(data["name"]), data["verified_at"], data["reference"])


def prove(
    nik: Nik,
    name: FullName,
    mothers_name: FullName,
    purpose: Purpose = "registration",
    number: PhoneNumber | None = None,
) -> IdentityProof:
    """Asks the registry; returns the proof. `number` is a phone number that whoever asks has proved, if they have.

    Raises FactsDoNotMatch (NikNotFound among them), RecordNeedsAttention, RegistryUnavailable, TooManyAttempts,
    NumberNeeded, and StoreUnavailable when nothing can be counted: nobody guesses uncounted (fails closed).
    """
    index = sealer().index(nik.value, "facts")
    asker = ("facts_asker_day", (index, requests.client_network()))
    of_all = ("facts_number_day", (number.value,)) if number else ("facts_nik_month", (index,))
    try:
        return _ask(Facts(nik, name, mothers_name), index, [asker, of_all], _of_browser(), purpose)
    except TooManyAttempts as limit:
        if limit.limit != of_all[0]:
            raise
        # Whose own tries are used up is not sent for a number that would not help.
        rate_limits.check(asker[0], *asker[1])
        raise NumberNeeded(used=number is not None) from None


def prove_to_officer(nik: Nik, name: FullName, mothers_name: FullName) -> IdentityProof:
    """The same for a person who stands before an officer, at the command line: counted for the NIK alone."""
    index = sealer().index(nik.value, "facts")
    return _ask(Facts(nik, name, mothers_name), index, [("facts_nik_day", (index,))], [], "recovery")


def _ask(facts: Facts, index: str, wrong: Acts, tries: Acts, purpose: Purpose) -> IdentityProof:
    """Counted before anything is asked: `wrong` for facts that do not match, `tries` for all."""
    acts = [*wrong, *tries]
    left = rate_limits.hit_all(acts)
    try:
        verdict = civil_registry().verify(facts, THRESHOLDS[purpose], purpose)
    except RegistryUnavailable:
        # Nothing was learned, so nothing is counted: an outage must not use up a person's tries.
        _give_back(acts)
        trail.record("identity_unavailable", purpose=purpose, nik=index)
        raise
    if verdict is Verdict.MATCH:
        _give_back(wrong)
        trail.record("identity_proved", purpose=purpose, nik=index)
        return IdentityProof(facts.nik, _confirmed(facts.name), clock.timestamp(), crypto.random_token(12))
    trail.record("identity_refused", purpose=purpose, verdict=verdict.value, nik=index)
    raise _refusal(verdict, left[wrong[0][0]])


def _confirmed(name: FullName) -> FullName:
    """The name as Dukcapil has confirmed it and keeps it: upper case, single spaces, no titles, however it was typed."""
    return FullName(dukcapil.without_titles(dukcapil.normalised(name.text)))


def _refusal(verdict: Verdict, remaining: int) -> Exception:
    if verdict is Verdict.NEEDS_ATTENTION:
        return RecordNeedsAttention()
    return NikNotFound(remaining) if verdict is Verdict.NOT_FOUND else FactsDoNotMatch(remaining)


def _of_browser() -> Acts:
    return [("facts_address", (requests.client_network(),)), ("facts_device", (_device(),))]


def _device() -> str:
    # A browser that shows no cookie gets one; whoever throws it away each time is held by the other limits.
    return browser_secret() or _mark_device(crypto.random_token())


def _mark_device(secret: str) -> str:
    @after_this_request
    def remember(response: Response) -> Response:
        cookies.set_cookie(response, BROWSER, secret)
        return response

    return secret


def _give_back(acts: Acts) -> None:
    for name, subjects in acts:
        rate_limits.give_back(name, *subjects)
