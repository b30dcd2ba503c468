"""The rules that a client's entry must keep, whoever wrote it: an operator in clients.yaml or a client by registration."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.core.values import ACR_VALUES
from idp.oidc import algorithms, scopes
from idp.oidc.clients import profiles
from idp.oidc.clients.certificates import SUBJECTS
from idp.oidc.clients.entry import ClientEntry

SECRET_HASH = re.compile(r"sha256:[A-Za-z0-9_-]{8,64}:[0-9a-f]{64}")
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MIN_RSA_BITS = 2048  # bits (RFC 7518 section 3.3)
TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"


class InvalidEntry(ValueError):
    """What is wrong with an entry, and the cure; `member` names it, `others` are what is wrong besides."""

    def __init__(self, member: str, sentence: str) -> None:
        super().__init__(sentence)
        self.member, self.sentence = member, sentence
        self.others: tuple[InvalidEntry, ...] = ()


def check_entry(client: ClientEntry) -> None:
    """Raises InvalidEntry for what does not go together in an entry: all of it at once, for whoever mends it."""
    found = [InvalidEntry(wrong.member, _cure(wrong, client)) for wrong in profiles.contradictions(client)]
    for rule in RULES:
        try:
            rule(client)
        except InvalidEntry as problem:
            found.append(problem)
    if found:
        found[0].others = tuple(found[1:])
        raise found[0]


def _cure(wrong: profiles.Demand, client: ClientEntry) -> str:
    return f"{wrong.cure} ({wrong.clause}, which `profile: {client.profile}` keeps to)"


def _grants(client: ClientEntry) -> None:
    redirecting = {"authorization_code", "implicit"} & set(client.grant_types)
    if redirecting and not client.redirect_uris:
        raise InvalidEntry("redirect_uris", "is missing: list each address that answers go to")
    if "code" in " ".join(client.response_types).split() and redirecting and "authorization_code" not in client.grant_types:
        raise InvalidEntry("grant_types", "lacks authorization_code, which the response type code needs")
    if "openid" not in client.scope.split() and "authorization_code" in client.grant_types and client.first_party:
        raise InvalidEntry("scope", "lacks openid: add it, or the service gets no ID token")
    if TOKEN_EXCHANGE_GRANT in client.grant_types and client.token_exchange is None:
        raise InvalidEntry("token_exchange", "is missing: say whose tokens it may exchange, and for which audiences")


def _secrets(client: ClientEntry) -> None:
    given = [m for m in ("client_secret_hash", "client_secret_env", "client_secret_file") if getattr(client, m)]
    if len(given) > 1:
        raise InvalidEntry(given[1], f"stands beside {given[0]}: keep one of them")
    if client.client_secret_hash and not SECRET_HASH.fullmatch(client.client_secret_hash):
        raise InvalidEntry(
            "client_secret_hash", "is not sha256:salt:hex: make one with `idp clients hash`, and never write the secret itself"
        )
    if client.token_endpoint_auth_method == "client_secret_jwt" and client.client_secret_hash:
        raise InvalidEntry("client_secret_hash", "cannot serve client_secret_jwt: use client_secret_env or client_secret_file")


def _public(client: ClientEntry) -> None:
    if client.token_endpoint_auth_method != "none":
        return
    if client.pkce == "optional":
        raise InvalidEntry("pkce", "is optional for a client without a secret: remove the line, such a client must use PKCE")
    if "client_credentials" in client.grant_types:
        raise InvalidEntry("grant_types", "has client_credentials, which a client without a secret cannot use")


def _profile(client: ClientEntry) -> None:
    if client.profile == "legacy":
        return
    if any(kind != "code" for kind in client.response_types) or "implicit" in client.grant_types:
        raise InvalidEntry("response_types", "has more than code: that needs `profile: legacy`")


def _binding(client: ClientEntry) -> None:
    in_browser = any("token" in kind.split() for kind in client.response_types)
    for member in ("dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"):
        if getattr(client, member) and in_browser:
            raise InvalidEntry(member, "cannot be with a response_type of token: no redirect has a proof")


def _certificates(client: ClientEntry) -> None:
    named = [subject for subject in SUBJECTS if getattr(client, subject.member) is not None]
    if client.token_endpoint_auth_method != "tls_client_auth":
        if named:
            raise InvalidEntry(
                named[0].member, "is for token_endpoint_auth_method: tls_client_auth alone: say that, or remove the line"
            )
        return
    if not named:
        wanted = "is missing: say which subject its certificate has, or use one of the members with san"
        raise InvalidEntry(SUBJECTS[0].member, wanted)
    first, *more = named
    if more:  # RFC 8705 section 2.1.2: exactly one
        raise InvalidEntry(more[0].member, f"stands beside {first.member}: keep one of them")
    try:
        first.read(getattr(client, first.member))
    except ValueError:
        raise InvalidEntry(first.member, "cannot be read: copy it from the certificate, such as CN=jkp,O=BPJS,C=ID") from None


def _keys(client: ClientEntry) -> None:
    if client.jwks and client.jwks_uri:
        raise InvalidEntry("jwks_uri", "stands beside jwks: keep one of them")  # RFC 7591 section 2
    method = client.token_endpoint_auth_method
    if method in ("private_key_jwt", "self_signed_tls_client_auth") and not (client.jwks or client.jwks_uri):
        raise InvalidEntry("jwks", f"is missing: {method} needs the client's public keys, or jwks_uri")
    if method == "self_signed_tls_client_auth" and client.jwks and not any("x5c" in key for key in _entries(client.jwks)):
        raise InvalidEntry("jwks", "has no key with its certificate (x5c): add it, or nothing can be compared")
    for key in _entries(client.jwks) if client.jwks is not None else []:
        _public_key(key)


def _entries(jwks: dict[str, Any]) -> list[Any]:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        raise InvalidEntry("jwks", "has no list named `keys` with a key in it (RFC 7517 section 5)")
    return keys


def _public_key(entry: Any) -> None:
    if isinstance(entry, dict) and {"d", "p", "k"} & entry.keys():
        raise InvalidEntry(
            "jwks", "holds a private or symmetric key: leave the public members only, and replace the key, it was shown"
        )
    if isinstance(entry, dict) and entry.get("kty") == "RSA" and len(str(entry.get("n")).rstrip("=")) * 6 < MIN_RSA_BITS:
        raise InvalidEntry("jwks", f"holds an RSA key of less than {MIN_RSA_BITS} bits: let the service make a longer one")
    try:
        KeySet.import_key_set({"keys": [entry]})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise InvalidEntry("jwks", "holds a key that cannot be read: copy it again from the service") from None


ENCRYPTED = tuple(f"{what}_encrypted_response_alg" for what in ("id_token", "userinfo", "authorization", "introspection"))


def _encryption(client: ClientEntry) -> None:
    for member in ENCRYPTED:
        alg = getattr(client, member)
        symmetric = alg is not None and algorithms.key_management(alg).symmetric
        if symmetric and client.client_secret_hash:
            raise InvalidEntry(
                member, "is symmetric, which needs the secret itself: use client_secret_env, or an RSA or ECDH algorithm"
            )
        if alg and not symmetric and not (client.jwks or client.jwks_uri):
            raise InvalidEntry(member, "needs the client's public keys: add jwks or jwks_uri")


def _pairwise(client: ClientEntry) -> None:
    hosts = {urlsplit(uri).hostname for uri in client.redirect_uris}
    if client.subject_type == "pairwise" and len(hosts) > 1 and not client.sector_identifier_uri:
        raise InvalidEntry("sector_identifier_uri", "is missing: a pairwise client with several hosts needs one")


def check_scope(client: ClientEntry) -> None:
    """Raises InvalidEntry for what an operator surely meant otherwise; a program is told by what the answer says."""
    asked = client.scope.split()
    if "offline_access" in asked and "refresh_token" not in client.grant_types:
        raise InvalidEntry("scope", "has offline_access, which gives nothing without refresh_token in grant_types: add it there")
    for scope in asked:
        # A resource server has scopes of its own; what is nearly one of ours is a slip of the pen.
        near = get_close_matches(scope, scopes.names(), 1, 0.8)
        if near and scope not in scopes.names():
            raise InvalidEntry("scope", f"has {scope}, which we do not know: did you mean {near[0]}?")


def _classes(client: ClientEntry) -> None:
    for member in ("default_acr_values", "required_acr_values"):
        if any(acr not in ACR_VALUES for acr in getattr(client, member)):
            # OpenID Connect Registration section 2 makes it a wish; a slip of the pen would be one that is never heard.
            raise InvalidEntry(member, f"has a class that we do not know: choose from {', '.join(ACR_VALUES)}")


def _initiation(client: ClientEntry) -> None:
    if "#" in (client.initiate_login_uri or ""):
        raise InvalidEntry("initiate_login_uri", "has a fragment, after which no parameter of ours is read: remove it")


def _logout(client: ClientEntry) -> None:
    for channel in ("backchannel", "frontchannel"):
        if getattr(client, f"{channel}_logout_session_required") and not getattr(client, f"{channel}_logout_uri"):
            wanted = f"{channel}_logout_uri"
            raise InvalidEntry(f"{channel}_logout_session_required", f"has nothing to go with: add {wanted}, or remove the line")
    if client.backchannel_logout_uri and "#" in client.backchannel_logout_uri:
        raise InvalidEntry("backchannel_logout_uri", "has a fragment: remove everything from the #")
    ours = {_origin_of(uri) for uri in client.redirect_uris}
    if client.frontchannel_logout_uri and _origin_of(client.frontchannel_logout_uri) not in ours:
        # OpenID Connect Front-Channel Logout 1.0 section 2
        raise InvalidEntry(
            "frontchannel_logout_uri", "is on another host than the redirect_uris: scheme, host and port must be the same"
        )


def _origin_of(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.scheme, parts.netloc


# What an entry must keep, in the order in which it is told.
RULES: tuple[Callable[[ClientEntry], None], ...] = (
    _grants, _secrets, _public, _profile, _binding, _certificates, _keys, _encryption, _pairwise, _classes, _initiation, _logout,
)  # fmt: skip
