"""Profiles: one word in a client's entry that sets, and enforces, everything that FAPI 2.0 demands of the client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from idp.oidc import algorithms
from idp.oidc.clients.addresses import LOOPBACK

STRONG_METHODS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")


@dataclass(frozen=True, slots=True)
class Demand:
    """What a profile demands of one member of an entry, and what stands there when the entry is silent.

    `holds` looks at the whole entry; `cure` goes on after the member's name. No `default` where it is `unless` that is set.
    """

    member: str
    holds: Callable[[Any], bool]
    cure: str
    clause: str
    default: Any = None
    unless: str = ""


def with_defaults(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with whatever its profile says of members that it does not name."""
    said = dict(entry)
    for demand in PROFILES.get(str(said.get("profile")), ()):
        if demand.default is not None and not said.get(demand.unless):
            said.setdefault(demand.member, demand.default)
    return said


def contradictions(entry: Any) -> list[Demand]:
    """Each demand of its profile that a complete entry does not meet."""
    return [demand for demand in PROFILES.get(entry.profile, ()) if not demand.holds(entry)]


def _permitted(member: str) -> Callable[[Any], bool]:
    return lambda entry: getattr(entry, member) in (None, *algorithms.fapi_names())


def _redirects_safely(entry: Any) -> bool:
    loopback = LOOPBACK if entry.application_type == "native" else ()
    return all(urlsplit(uri).scheme != "http" or urlsplit(uri).hostname in loopback for uri in entry.redirect_uris)


_ONE_OF = "must be PS256, ES256 or EdDSA, or left out"
_ALGORITHMS = "FAPI 2.0 Security Profile 5.4.1"
_SERVER = "FAPI 2.0 Security Profile 5.3.2.1"

SECURITY: tuple[Demand, ...] = (
    Demand(
        "token_endpoint_auth_method", lambda entry: entry.token_endpoint_auth_method in STRONG_METHODS,
        f"must be {', '.join(STRONG_METHODS[:-1])} or {STRONG_METHODS[-1]}", _SERVER, "private_key_jwt",
    ),
    Demand(
        "assertion_audience", lambda entry: entry.assertion_audience == "issuer", "must be issuer, or left out", _SERVER,
    ),
    Demand(
        "dpop_bound_access_tokens",
        lambda entry: entry.dpop_bound_access_tokens or entry.tls_client_certificate_bound_access_tokens,
        "must be true, or tls_client_certificate_bound_access_tokens be true: tokens are bound to their sender", _SERVER,
        True, "tls_client_certificate_bound_access_tokens",
    ),
    Demand(
        "require_pushed_authorization_requests", lambda entry: entry.require_pushed_authorization_requests,
        "must be true, or left out", "FAPI 2.0 Security Profile 5.3.2.2", True,
    ),
    Demand("pkce", lambda entry: entry.pkce == "required", "must be required, or left out", "FAPI 2.0 Security Profile 5.3.2.2"),
    Demand("redirect_uris", _redirects_safely, "has http://: use https://", "FAPI 2.0 Security Profile 5.3.2.2"),
    Demand(
        "id_token_signed_response_alg", _permitted("id_token_signed_response_alg"), _ONE_OF, _ALGORITHMS, "ES256",
    ),
    Demand("token_endpoint_auth_signing_alg", _permitted("token_endpoint_auth_signing_alg"), _ONE_OF, _ALGORITHMS),
    Demand("request_object_signing_alg", _permitted("request_object_signing_alg"), _ONE_OF, _ALGORITHMS),
    Demand("userinfo_signed_response_alg", _permitted("userinfo_signed_response_alg"), _ONE_OF, _ALGORITHMS),
)  # fmt: skip
MESSAGE_SIGNING: tuple[Demand, ...] = (
    *SECURITY,
    Demand(
        "require_signed_request_object", lambda entry: entry.require_signed_request_object,
        "must be true, or left out", "FAPI 2.0 Message Signing 5.3.1", True,
    ),
    Demand(
        "jwks", lambda entry: entry.jwks or entry.jwks_uri,
        "is missing: add it, or jwks_uri, for the keys that sign requests", "FAPI 2.0 Message Signing 5.3.1",
    ),
    Demand(
        "authorization_signed_response_alg", lambda entry: entry.authorization_signed_response_alg in algorithms.fapi_names(),
        _ONE_OF, "FAPI 2.0 Message Signing 5.4.1", "ES256",
    ),
)  # fmt: skip

# What each word demands; `standard` and `legacy` demand nothing.
PROFILES: dict[str, tuple[Demand, ...]] = {"fapi2": SECURITY, "fapi2-signed": MESSAGE_SIGNING}
