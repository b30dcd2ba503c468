"""What we tell clients about ourselves: OpenID discovery, RFC 8414 metadata and JWKS, as bytes made once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from idp import clock, tokens
from idp.config import Settings
from idp.oidc import answers, checks, claims, client_auth, grants, keys
from idp.values import ACR_DATA, ACR_FULL, ACR_MFA

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
JWKS = "/jwks.json"
CACHE = "public, max-age=300"
ENCRYPTION = ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "A128KW", "A256KW", "dir"]
CIPHERS = ["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512"]

# What modules that can be present or absent add: each a function of the issuer.
FEATURES: list[Callable[[str], dict[str, Any]]] = []


def metadata(settings: Settings) -> dict[str, Any]:
    """The document (OpenID Connect Discovery 3, RFC 8414 section 2), generated from the tables that serve requests."""
    issuer = settings.issuer
    methods = client_auth.supported()
    signing = list(keys.ALGORITHMS)
    known: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}{JWKS}",
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "end_session_endpoint": f"{issuer}/logout",
        "service_documentation": f"{issuer}/",
        "op_policy_uri": f"{issuer}/privasi",
        "op_tos_uri": f"{issuer}/syarat",
        "ui_locales_supported": ["id", "en"],
        "scopes_supported": ["openid", "offline_access", *claims.SCOPES],
        "response_types_supported": list(checks.RESPONSE_TYPES),
        "response_modes_supported": list(answers.MODES),
        "grant_types_supported": [grant.GRANT_TYPE for grant, _ in grants.TABLE if grant.GRANT_TYPE],
        "subject_types_supported": ["public", "pairwise"],
        "acr_values_supported": [ACR_DATA, ACR_FULL, ACR_MFA],
        "id_token_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "display_values_supported": ["page", "popup", "touch", "wap"],
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", *claims.CLAIMS],
        "claims_locales_supported": ["id"],
        "claims_parameter_supported": True,
        "prompt_values_supported": sorted(checks.PROMPTS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
    for feature in FEATURES:
        known |= feature(issuer)
    return known


@dataclass(slots=True)
class _Document:
    body: bytes
    etag: str
    headers: list[tuple[str, str]] = field(default_factory=list)


class WellKnown:
    """A WSGI middleware: these documents are asked for more often than anything else and need nothing of Flask."""

    def __init__(self, app: Flask, wsgi: Any) -> None:
        self.app, self.wsgi = app, wsgi
        body = orjson.dumps(metadata(app.extensions["idp.settings"]))
        document = _document(body, f'"{tokens.digest(body.decode())[:24]}"', "application/json")
        self.documents: dict[str, _Document] = dict.fromkeys(PATHS, document)
        self.looked = float("-inf")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answers GET and HEAD of the documents, passes everything else on."""
        path = environ.get("PATH_INFO", "")
        if path == JWKS and clock.monotonic() - self.looked > keys.LOOK_EVERY:
            self._look()
        document = self.documents.get(path)
        if document is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            result: Iterable[bytes] = self.wsgi(environ, start_response)
            return result
        if document.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            start_response("304 Not Modified", document.headers[1:])
            return [b""]
        start_response("200 OK", document.headers)
        return [document.body if environ["REQUEST_METHOD"] == "GET" else b""]

    def _look(self) -> None:
        with self.app.app_context():
            held = keys.ring()
            try:
                held.current()
            except SQLAlchemyError:
                # The database is away: the keys that we know are still the right ones, and clients still need them.
                if not held.jwks:
                    return
            self.documents[JWKS] = _document(held.jwks, held.etag, "application/json")
        self.looked = clock.monotonic()

    def forget(self) -> None:
        """Looks at the keys again at the next request."""
        self.looked = float("-inf")


def _document(body: bytes, etag: str, kind: str) -> _Document:
    headers = [
        ("Content-Length", str(len(body))),
        ("Content-Type", kind),
        ("ETag", etag),
        ("Cache-Control", CACHE),
        # Read by scripts of any site, with nothing of the browser's in it: never with credentials.
        ("Access-Control-Allow-Origin", "*"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return _Document(body, etag, headers)
