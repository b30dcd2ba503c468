"""Every scope in one table: what it gives, what an operator must allow first, and what people are told of it."""

from dataclasses import dataclass
from typing import Any

from idp.core.languages import _l


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope, the claims that it gives (their labels: accounts/disclosure.py), and the sentence that consent adds for it."""

    name: str
    clause: str
    claims: tuple[str, ...] = ()
    # Those of its claims that no scope alone gives: the client's entry must allow each by name (UU 27/2022 article 16).
    restricted: tuple[str, ...] = ()
    wording: Any = None

    @property
    def self_service(self) -> bool:
        """Whether a client that registers itself may ask for it: not for one that would give nothing unless allowed."""
        return not self.claims or bool(set(self.claims) - set(self.restricted))


SCOPES: tuple[Scope, ...] = (
    Scope("openid", "OpenID Connect Core 3.1.2.1"),
    Scope(
        "offline_access",
        "OpenID Connect Core 11",
        wording=_l(
            "Layanan ini tetap dapat membaca data tersebut saat Anda tidak sedang membukanya, sampai izin dicabut.",
        ),
    ),
    Scope(
        "profile",
        "OpenID Connect Core 5.4",
        claims=("name", "locale", "updated_at", "birthdate", "gender"),
        restricted=("birthdate", "gender"),
    ),
    Scope("email", "OpenID Connect Core 5.4", claims=("email", "email_verified")),
    Scope("phone", "OpenID Connect Core 5.4", claims=("phone_number", "phone_number_verified")),
    Scope("nik", "our own: the number of the identity card", claims=("nik",), restricted=("nik",)),
    Scope("roles", "our own: roles at SIAPkerja", claims=("roles",), restricted=("roles",)),
)


def names() -> tuple[str, ...]:
    """Every scope, as discovery lists them; all of them speak of a person."""
    return tuple(scope.name for scope in SCOPES)


def self_service_names() -> tuple[str, ...]:
    """The scopes that a client which registers itself may have."""
    return tuple(scope.name for scope in SCOPES if scope.self_service)


def claims() -> tuple[str, ...]:
    """Every claim that a scope gives, each once."""
    return tuple(dict.fromkeys(claim for scope in SCOPES for claim in scope.claims))


def restricted_claims() -> tuple[str, ...]:
    """The claims that a client's entry must allow by name."""
    return tuple(dict.fromkeys(claim for scope in SCOPES for claim in scope.restricted))


def claims_of(scope: str) -> set[str]:
    """The claims that these scopes, separated by spaces, give."""
    asked = set(scope.split())
    return {claim for known in SCOPES if known.name in asked for claim in known.claims}


def wordings(scope: str) -> list[str]:
    """What consent says of these scopes beside the values that are shared, in the language of the page."""
    asked = set(scope.split())
    return [str(known.wording) for known in SCOPES if known.name in asked and known.wording is not None]
