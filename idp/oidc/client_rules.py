"""The rules that a client's entry must keep, whoever wrote it: an operator in clients.yaml or a client by registration."""

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

if TYPE_CHECKING:
    from idp.oidc.clients import Client

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECRET_HASH = re.compile(r"sha256:[A-Za-z0-9_-]{8,64}:[0-9a-f]{64}")
FORBIDDEN_SCHEMES = frozenset({"javascript", "data", "vbscript", "file", "blob", "about", "ftp", "ws", "wss", "mailto"})
_SAFE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")  # RFC 3986 section 2
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class Problem(ValueError):
    """What is wrong with an entry, and the cure; `member` names it."""

    def __init__(self, member: str, sentence: str) -> None:
        super().__init__(sentence)
        self.member, self.sentence = member, sentence


def _plain(uri: str) -> None:
    if not _SAFE.fullmatch(uri) or len(uri) > 2000:
        raise ValueError("has a character that a URI cannot have: write it percent-encoded")
    if "*" in uri:
        raise ValueError("has a wildcard: list each address in full")


def redirect_uri(uri: str) -> str:
    """An address that an answer may go to: https, http on loopback, or a private scheme of an app (RFC 8252 section 7.1)."""
    _plain(uri)
    parts = urlsplit(uri)
    if parts.fragment or "#" in uri:
        raise ValueError("has a fragment: remove everything from the #")  # RFC 6749 section 3.1.2
    if parts.scheme in FORBIDDEN_SCHEMES or not parts.scheme:
        raise ValueError("has a scheme that no answer may go to: use https://")
    if parts.scheme in ("http", "https"):
        _web(parts.scheme, parts.hostname, parts.netloc)
    elif "." not in parts.scheme:
        raise ValueError("has a private scheme without a dot: use the app's reversed domain, such as id.go.example.app:/callback")
    return uri


def address(uri: str) -> str:
    """An address of the client that we link to or call: https, or http on loopback."""
    _plain(uri)
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with https://")
    _web(parts.scheme, parts.hostname, parts.netloc)
    return uri


def _web(scheme: str, host: str | None, netloc: str) -> None:
    if not host or "@" in netloc:
        raise ValueError("must name a host, without user or password in it")
    if scheme == "http" and host not in LOOPBACK:
        raise ValueError("is http:// on a public host: use https://")


RedirectUri = Annotated[str, AfterValidator(redirect_uri)]
Address = Annotated[str, AfterValidator(address)]


def check_entry(client: "Client") -> None:
    """Raises Problem for the first thing in an entry that does not go together."""
    for rule in (_grants, _secrets, _public, _profile, _keys, _pairwise):
        rule(client)


def _grants(client: "Client") -> None:
    redirecting = {"authorization_code", "implicit"} & set(client.grant_types)
    if redirecting and not client.redirect_uris:
        raise Problem("redirect_uris", "is missing: list each address that answers go to")
    if "code" in " ".join(client.response_types).split() and redirecting and "authorization_code" not in client.grant_types:
        raise Problem("grant_types", "lacks authorization_code, which the response type code needs")
    if "openid" not in client.scope.split() and "authorization_code" in client.grant_types and client.first_party:
        raise Problem("scope", "lacks openid: add it, or the service gets no ID token")
    if EXCHANGE in client.grant_types and client.token_exchange is None:
        raise Problem("token_exchange", "is missing: say whose tokens it may exchange, and for which audiences")


def _secrets(client: "Client") -> None:
    given = [m for m in ("client_secret_hash", "client_secret_env", "client_secret_file") if getattr(client, m)]
    needs = client.token_endpoint_auth_method.startswith("client_secret")
    if len(given) > 1:
        raise Problem(given[1], f"stands beside {given[0]}: keep one of them")
    if client.client_secret_hash and not SECRET_HASH.fullmatch(client.client_secret_hash):
        raise Problem("client_secret_hash", "is not sha256:salt:hex: make one with `idp clients add`, and never write the secret itself")
    if needs and not given and not getattr(client, "_dynamic", False):
        raise Problem("client_secret_hash", "is missing: make one with `idp clients add`")
    if client.token_endpoint_auth_method == "client_secret_jwt" and client.client_secret_hash:
        raise Problem("client_secret_hash", "cannot serve client_secret_jwt: use client_secret_env or client_secret_file")


def _public(client: "Client") -> None:
    if client.token_endpoint_auth_method != "none":
        return
    if client.pkce == "optional":
        raise Problem("pkce", "is optional for a client without a secret: remove the line, such a client must use PKCE")
    if "client_credentials" in client.grant_types:
        raise Problem("grant_types", "has client_credentials, which a client without a secret cannot use")


def _profile(client: "Client") -> None:
    if client.profile == "legacy":
        return
    if any(kind != "code" for kind in client.response_types) or "implicit" in client.grant_types:
        raise Problem("response_types", "has more than code: that needs `profile: legacy`")


def _keys(client: "Client") -> None:
    if client.jwks and client.jwks_uri:
        raise Problem("jwks_uri", "stands beside jwks: keep one of them")  # RFC 7591 section 2
    if client.token_endpoint_auth_method == "private_key_jwt" and not (client.jwks or client.jwks_uri):
        raise Problem("jwks", "is missing: private_key_jwt needs the client's public keys, or jwks_uri")
    if client.jwks and any({"d", "p", "k"} & set(key) for key in client.jwks.get("keys", [])):
        raise Problem("jwks", "holds a private or symmetric key: leave the public members only")


def _pairwise(client: "Client") -> None:
    hosts = {urlsplit(uri).hostname for uri in client.redirect_uris}
    if client.subject_type == "pairwise" and len(hosts) > 1 and not client.sector_identifier_uri:
        raise Problem("sector_identifier_uri", "is missing: a pairwise client with several hosts needs one")
