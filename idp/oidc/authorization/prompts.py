"""When each prompt is owed: pure functions of what the client asks, what we know of the person, and the time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from idp.core.values import ACR_DATA, ACR_FULL, ACR_MFA, ACR_RECOVERED, Authentication

# What each class also satisfies. Recovery is its own class: during probation it satisfies nobody who asks for more.
SATISFIES = {
    ACR_FULL: frozenset({ACR_FULL, ACR_DATA}),
    ACR_DATA: frozenset({ACR_DATA}),
    ACR_RECOVERED: frozenset({ACR_RECOVERED}),
}


@dataclass(frozen=True, slots=True)
class PromptRequirements:
    """What the authorization request wants of the person."""

    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    essential_acr: frozenset[str] = frozenset()
    preferred_acr: tuple[str, ...] = ()  # best first; voluntary
    subject: str | None = None  # the only account that will do, by hint or by a claims request for `sub`
    consent: bool = True  # False for a first-party client
    no_silence: bool = False  # no code without a page: whoever waits at the other end may be any program of the machine


@dataclass(frozen=True, slots=True)
class PromptFacts:
    """What we know: who is signed in (their subject as this client sees it), and what they did in this interaction."""

    authentication: Authentication | None = None
    subject: str | None = None
    fresh: bool = False  # signed in (or registered) within this interaction
    second_factor_due: bool = False  # just now, to an account with a second factor, from a device that is not excused
    declined: bool = False  # went on without the second factor that the client would have liked
    offer: bool = False  # a passkey is to be promoted, once
    consented: bool = False  # said yes within this interaction
    granted: bool = False  # a remembered grant covers all that is asked


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row of the policy: when the prompt is owed, the error that answers it under prompt=none, and its page."""

    name: str
    owed: Callable[[PromptRequirements, PromptFacts, int], bool]
    error: str
    page: str  # the endpoint that it opens first
    opens: tuple[str, ...]  # the prompts that count as owed meanwhile: a room opens while one of them is
    clause: str


class RequirementNotMet(Exception):
    """The client cannot have what it insists on, or not without a page: the OAuth error to answer."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def create_owed(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The client wants a registration page, once; signing in instead will do."""
    return "create" in asked.prompts and not known.fresh


def select_account_owed(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The person chooses the account by signing in, once."""
    return "select_account" in asked.prompts and not known.fresh


def login_owed(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """Nobody is signed in, or not lately, surely or freshly enough. Whoever has just signed in is not asked twice."""
    if known.authentication is None:
        return True
    if known.fresh:
        return False
    if "login" in asked.prompts or _too_old(asked.max_age, known.authentication.auth_time, now):
        return True
    return not _subject_matches(asked, known) or not (
        _acr_possible(asked, known.authentication) or _lacks_identity_assurance(asked, known)
    )


def assurance_owed(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The client insists on an account whose person officers have seen: a page says how to become one."""
    return _lacks_identity_assurance(asked, known)


def limited_owed(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The client insists on more than a recovered account has during probation: a page says from when it will."""
    proved = known.authentication
    return bool(
        proved and now < proved.limited_until and asked.essential_acr and not asked.essential_acr & satisfied_acr_values(proved)
    )


def limited_preferred(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The client would like the full class, which a recovered account does not have yet: the person may go on without."""
    proved = known.authentication
    if proved is None or known.declined or "none" in asked.prompts or now >= proved.limited_until:
        return False
    return ACR_FULL in asked.preferred_acr and not satisfied_acr_values(proved) & set(asked.preferred_acr)


def mfa_owed(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The second factor: owed by whoever has one, and by everybody where the client insists."""
    proved = known.authentication
    if proved is None or "mfa" in proved.amr:
        return False
    return known.second_factor_due or bool(asked.essential_acr and not asked.essential_acr & satisfied_acr_values(proved))


def mfa_preferred(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The client would like a second factor, and the person may decline: it then hears so by `acr`, as under prompt=none."""
    proved = known.authentication
    if proved is None or known.declined or "none" in asked.prompts or proved.acr == ACR_RECOVERED:
        return False
    best = next((acr for acr in asked.preferred_acr if acr in satisfied_acr_values(proved) | {ACR_MFA}), None)
    return best == ACR_MFA and "mfa" not in proved.amr


def passkey_offered(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """The one time that a passkey is promoted: after a sign-in, and never where no page may be shown."""
    return known.offer and known.fresh and "none" not in asked.prompts


def consent_owed(asked: PromptRequirements, known: PromptFacts, now: int) -> bool:
    """Not yet said in this interaction, and either asked for outright or not covered by what is remembered."""
    if known.consented:
        return False
    if asked.no_silence and not known.fresh:
        return True  # RFC 8252 section 8.6: a session alone gives no code to whatever listens on a port
    return "consent" in asked.prompts or (asked.consent and not known.granted)


def check_requirements_attainable(asked: PromptRequirements, known: PromptFacts) -> None:
    """No page helps against these: the account is another, or nobody signs in as surely as the client insists on."""
    if not _subject_matches(asked, known):
        raise RequirementNotMet("login_required")
    if known.authentication is None or not (
        _acr_possible(asked, known.authentication) or _lacks_identity_assurance(asked, known)
    ):
        raise RequirementNotMet("unmet_authentication_requirements")


def _lacks_identity_assurance(asked: PromptRequirements, known: PromptFacts) -> bool:
    proved = known.authentication
    if proved is None or proved.acr != ACR_DATA or ACR_FULL not in asked.essential_acr:
        return False
    return not _acr_possible(asked, proved)


def _subject_matches(asked: PromptRequirements, known: PromptFacts) -> bool:
    return asked.subject is None or asked.subject == known.subject


def _too_old(max_age: int | None, auth_time: int, now: int) -> bool:
    # 0 means "sign in now", even when the last sign-in was this very second.
    return max_age is not None and (max_age == 0 or now - auth_time > max_age)


def satisfied_acr_values(authentication: Authentication) -> frozenset[str]:
    """Every class that this sign-in satisfies. During probation after a recovery no second factor adds any."""
    classes = SATISFIES.get(authentication.acr, frozenset({authentication.acr}))
    twice = "mfa" in authentication.amr and authentication.acr != ACR_RECOVERED
    return classes | {ACR_MFA} if twice else classes


def asserted_acr(preferred: tuple[str, ...], authentication: Authentication) -> str:
    """The class to tell: the first that the client asked for and that was reached, else the account's own."""
    return next((acr for acr in preferred if acr in satisfied_acr_values(authentication)), authentication.acr)


def _acr_possible(asked: PromptRequirements, authentication: Authentication) -> bool:
    if not asked.essential_acr:
        return True
    with_second_factor = replace(authentication, amr=(*authentication.amr, "mfa"))
    return bool(satisfied_acr_values(with_second_factor) & asked.essential_acr)


def essential_acr(claims: dict[str, Any]) -> frozenset[str]:
    """The classes of which one is a must: `acr` as an essential claim of the ID token (OpenID Connect Core 5.5.1.1)."""
    asked = (claims.get("id_token") or {}).get("acr") or {}
    if not asked.get("essential"):
        return frozenset()
    return frozenset(str(v) for v in [asked.get("value"), *asked.get("values", [])] if v is not None)


def preferred_acr(claims: dict[str, Any], acr_values: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The classes asked for, best first: in `claims`, else as `acr_values`, else the client's own (Core 3.1.2.1, 5.5.1.1)."""
    asked = (claims.get("id_token") or {}).get("acr") or {}
    by_claims = tuple(str(v) for v in [asked.get("value"), *asked.get("values", [])] if v is not None)
    return by_claims or tuple(acr for acr in acr_values.split(" ") if acr) or default


def required_subject(claims: dict[str, Any], hint: dict[str, Any] | None) -> str | None:
    """The one subject that will do, if the request names one: hint first, then a claims request for `sub` with a value."""
    if hint is not None:
        return str(hint.get("sub"))
    for place in ("id_token", "userinfo"):
        value = ((claims.get(place) or {}).get("sub") or {}).get("value")
        if value is not None:
            return str(value)
    return None
