"""What we tell clients about ourselves: OpenID discovery, RFC 8414 metadata and JWKS, as bytes made once."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from idp.core import crypto, languages
from idp.core.settings import Settings
from idp.core.values import ACR_VALUES
from idp.oidc import algorithms, scopes
from idp.oidc.authorization import parameters, pushed_requests, request_objects, response_modes, response_types
from idp.oidc.clients import authentication, mutual_tls, registration
from idp.oidc.device import pages as device
from idp.oidc.tokens import dpop, encryption, grants, signing_keys
from idp.storage.sealing import Unsealable

METADATA_PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
JWKS_PATH = "/jwks.json"
CACHE = "public, max-age=300"


def metadata(known: Settings) -> dict[str, Any]:
    """The document (OpenID Connect Discovery 3, RFC 8414 section 2), generated from the tables that serve requests."""
    document: dict[str, Any] = {}
    for feature, _clause in METADATA_FEATURES:
        document |= feature(known)
    return document


def _addresses(known: Settings) -> dict[str, Any]:
    return {
        "issuer": known.issuer,
        "authorization_endpoint": f"{known.issuer}/authorize",
        "token_endpoint": f"{known.issuer}/token",
        "userinfo_endpoint": f"{known.issuer}/userinfo",
        "jwks_uri": f"{known.issuer}{JWKS_PATH}",
        "introspection_endpoint": f"{known.issuer}/introspect",
        "revocation_endpoint": f"{known.issuer}/revoke",
        "end_session_endpoint": f"{known.issuer}/logout",
        "check_session_iframe": f"{known.issuer}/check_session",
        "service_documentation": f"{known.issuer}/",
        "op_policy_uri": f"{known.issuer}/privasi",
        "op_tos_uri": f"{known.issuer}/syarat",
    }


def _abilities(known: Settings) -> dict[str, Any]:
    return {
        "ui_locales_supported": languages.tags(),
        "scopes_supported": list(scopes.names()),
        "response_types_supported": list(response_types.RESPONSE_TYPES),
        "response_modes_supported": response_modes.names(),
        "grant_types_supported": grants.grant_types(),
        "subject_types_supported": ["public", "pairwise"],
        "acr_values_supported": list(ACR_VALUES),
        "id_token_signing_alg_values_supported": list(algorithms.signing_names()),
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", *scopes.claims()],
        "claims_locales_supported": ["id"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    }


def _requests(known: Settings) -> dict[str, Any]:
    return {
        "display_values_supported": ["page", "popup", "touch", "wap"],
        "claims_parameter_supported": True,
        "prompt_values_supported": sorted(parameters.PROMPTS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _clients(known: Settings) -> dict[str, Any]:
    methods = authentication.supported_methods(mutual_tls=bool(known.mtls_url))
    asserted = list(algorithms.assertion_names())
    return {
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": asserted,
        "introspection_endpoint_auth_methods_supported": [method for method in methods if method != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": asserted,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": asserted,
    }


# Each feature's part of the document: a function of the settings, and the clause that defines its members.
METADATA_FEATURES: tuple[tuple[Callable[[Settings], dict[str, Any]], str], ...] = (
    (_addresses, "OpenID Connect Discovery 3; RFC 8414 2; RP-Initiated Logout 2.1; Session Management 3.3"),
    (_abilities, "OpenID Connect Discovery 3; Back-Channel Logout 2.1; Front-Channel Logout 3"),
    (_requests, "OpenID Connect Discovery 3; Initiating User Registration 1.0; RFC 9207 3; RFC 8414 2"),
    (_clients, "OpenID Connect Discovery 3; RFC 8414 2"),
    (request_objects.metadata, "OpenID Connect Discovery 3; RFC 9101 10.5"),
    (pushed_requests.metadata, "RFC 9126 5"),
    (dpop.metadata, "RFC 9449 5.1"),
    (mutual_tls.metadata, "RFC 8705 3.3 and 5"),
    (device.metadata, "RFC 8628 4"),
    (encryption.metadata, "OpenID Connect Discovery 3; OAuth JARM 4; RFC 9701 7"),
    (registration.metadata, "OpenID Connect Discovery 3; RFC 8414 2"),
)


@dataclass(slots=True)
class _Document:
    body: bytes
    etag: str
    headers: list[tuple[str, str]] = field(default_factory=list)


class WellKnown:
    """A WSGI middleware: these documents are asked for more often than anything else and need nothing of Flask."""

    def __init__(self, app: Flask, wsgi: Any) -> None:
        self.app, self.wsgi = app, wsgi
        self.document = _document(orjson.dumps(metadata(app.extensions["idp.settings"])))
        self.jwks = _Document(b"", "")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers GET and HEAD of the documents, passes everything else on."""
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if (path != JWKS_PATH and path not in METADATA_PATHS) or method not in ("GET", "HEAD"):
            result: Iterable[bytes] = self.wsgi(environ, start_response)
            return result
        document = self._keys() if path == JWKS_PATH else self.document
        if not document.body:
            start_response("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", "5")])
            return [b""]
        if _etag_matches(document.etag, environ.get("HTTP_IF_NONE_MATCH", "")):
            start_response("304 Not Modified", document.headers[1:])
            return [b""]
        start_response("200 OK", document.headers)
        return [document.body if method == "GET" else b""]

    def _keys(self) -> _Document:
        held: signing_keys.KeyRing = self.app.extensions["idp.keys"]
        if held.stale:
            # The database is away: the keys that we hold are still the right ones; without any, the answer is 503.
            with self.app.app_context(), suppress(SQLAlchemyError, Unsealable):
                held.current()
        if held.jwks is not self.jwks.body:
            self.jwks = _document(held.jwks)
        return self.jwks


def _etag_matches(etag: str, offered: str) -> bool:
    """RFC 9110 section 13.1.2: weak comparison, so a W/ that a proxy put before it does not matter."""
    return etag in offered or offered.strip() == "*"


def _document(body: bytes) -> _Document:
    etag = f'"{crypto.digest(body.decode())[:24]}"'
    headers = [
        ("Content-Length", str(len(body))),
        ("Content-Type", "application/json"),
        ("ETag", etag),
        ("Cache-Control", CACHE),
        # Read by scripts of any site, with nothing of the browser's in it: never with credentials.
        ("Access-Control-Allow-Origin", "*"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return _Document(body, etag, headers)
