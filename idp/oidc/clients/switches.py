"""What switches the protocol's features: members of a client's entry and settings, who may set each, and the clause."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Switch:
    """A member of a client's entry, or a setting: what it turns on or off, and who may turn it."""

    name: str
    # By whom: `client`, also when it registers itself (RFC 7591); `operator`, in clients.yaml only; `setting`, for everybody.
    by: Literal["client", "operator", "setting"]
    what: str
    clause: str


SWITCHES: tuple[Switch, ...] = (
    Switch("application_type", "client", "`native`: a loopback port of its choice, a scheme of its own", "RFC 8252 7.1 and 7.3"),
    Switch("response_types", "client", "which answers it gets; all but code need `profile: legacy`", "RFC 6749 3.1.1"),
    Switch("grant_types", "client", "which grants it may use", "RFC 6749 5.2: unauthorized_client"),
    Switch("token_endpoint_auth_method", "client", "how it proves itself, at every endpoint", "RFC 7591 2"),
    Switch("token_endpoint_auth_signing_alg", "client", "one algorithm for its assertions", "OpenID Connect Registration 2"),
    Switch("request_object_signing_alg", "client", "one algorithm for its request objects", "OpenID Connect Registration 2"),
    Switch("require_signed_request_object", "client", "nothing unsigned", "RFC 9101 10.5"),
    Switch("require_pushed_authorization_requests", "client", "nothing in the open", "RFC 9126 6"),
    Switch("dpop_bound_access_tokens", "client", "no token without a proof of possession", "RFC 9449 5.2"),
    Switch("tls_client_certificate_bound_access_tokens", "client", "no token without a certificate", "RFC 8705 3"),
    Switch("dpop_nonce_required", "client", "no proof without a nonce of ours", "RFC 9449 8 and 11.2"),
    Switch("id_token_signed_response_alg", "client", "signs ID and logout tokens", "OpenID Connect Registration 2"),
    Switch("id_token_encrypted_response_alg", "client", "encrypts ID tokens", "OpenID Connect Core 10.2"),
    Switch("id_token_encrypted_response_enc", "client", "with which cipher", "OpenID Connect Core 10.2"),
    Switch("userinfo_signed_response_alg", "client", "signs userinfo answers", "OpenID Connect Core 5.3.2"),
    Switch("userinfo_encrypted_response_alg", "client", "encrypts userinfo answers", "OpenID Connect Core 5.3.2"),
    Switch("userinfo_encrypted_response_enc", "client", "with which cipher", "OpenID Connect Core 5.3.2"),
    Switch("authorization_signed_response_alg", "client", "signs answers as a JWT", "OAuth JARM 3"),
    Switch("authorization_encrypted_response_alg", "client", "encrypts them", "OAuth JARM 3"),
    Switch("authorization_encrypted_response_enc", "client", "with which cipher", "OAuth JARM 3"),
    Switch("introspection_signed_response_alg", "client", "signs introspection", "RFC 9701 6"),
    Switch("introspection_encrypted_response_alg", "client", "encrypts it", "RFC 9701 6"),
    Switch("introspection_encrypted_response_enc", "client", "with which cipher", "RFC 9701 6"),
    Switch("subject_type", "client", "`pairwise`: a `sub` that no other sector can compare", "OpenID Connect Core 8.1"),
    Switch("require_auth_time", "client", "says that it relies on what is always there", "OpenID Connect Registration 2"),
    Switch("default_max_age", "client", "a sign-in that is not older", "OpenID Connect Registration 2"),
    Switch("default_acr_values", "client", "classes that it prefers", "OpenID Connect Registration 2"),
    Switch("required_acr_values", "client", "classes of which it insists on one", "OpenID Connect Core 5.5.1.1"),
    Switch("backchannel_logout_session_required", "client", "relies on what is always there", "Back-Channel Logout 2.2"),
    Switch("frontchannel_logout_session_required", "client", "relies on what is always there", "Front-Channel Logout 2"),
    Switch(
        "profile",
        "operator",
        "`legacy`: implicit and hybrid flows; `fapi2`, `fapi2-signed`",
        "OpenID Connect Core 3.2 and 3.3; OpenID FAPI 2.0",
    ),  # fmt: skip
    Switch("pkce", "operator", "`optional`: a confidential client may leave the challenge out", "RFC 9700 2.1.1"),
    Switch("first_party", "operator", "people are not asked for consent", "OpenID Connect Core 3.1.2.4"),
    Switch("claims", "operator", "restricted claims that it may have", "OpenID Connect Core 5.4; UU 27/2022 article 16"),
    Switch("resources", "operator", "resources that it may ask tokens for", "RFC 8707 2"),
    Switch("authorization_details_types", "operator", "types of details that it may ask for", "RFC 9396 10"),
    Switch("authorization_details_served", "operator", "types of details that it understands", "RFC 9396 2"),
    Switch("resource_server", "operator", "it learns of tokens made out to it", "RFC 7662 4"),
    Switch("access_token_format", "operator", "`jwt`: access tokens that can be read", "RFC 9068"),
    Switch("token_exchange", "operator", "whose tokens it may exchange", "RFC 8693 2"),
    Switch(
        "assertion_audience",
        "client",
        "`endpoint`: assertions may be made out to one, not to the issuer alone",
        "RFC 7523 3",
    ),
    Switch("cors_origins", "operator", "scripts of these origins may call us", "RFC 6454; Fetch"),
    Switch("registration_tokens", "setting", "`open`: anybody registers, all flows; never in production", "RFC 7591 3"),
)


def operators_alone() -> frozenset[str]:
    """The switches that no client turns for itself, whatever it sends when it registers."""
    return frozenset(switch.name for switch in SWITCHES if switch.by == "operator")
