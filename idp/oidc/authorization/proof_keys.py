"""Codes that one key alone redeems (RFC 9449 section 10): `dpop_jkt` in the request, or a proof when it is pushed."""

import re
from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749 import InvalidGrantError

from idp.core import crypto
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import dpop
from idp.oidc.tokens.dpop import DpopProof

if TYPE_CHECKING:
    from idp.oidc.tokens.authorization_codes import AuthorizationCode

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")  # BASE64URL of a SHA-256 (RFC 7638)


def check_dpop_jkt(request: Request) -> None:
    """The thumbprint of a key, where the request names one."""
    named = request.get("dpop_jkt")
    if named and not _THUMBPRINT.fullmatch(named):
        raise oauth_error("invalid_request", "dpop_jkt is not the thumbprint of a key.")


def bind_to_proof(request: Request, proof: DpopProof | None) -> None:
    """Binds a pushed request, and so its code, to the key of the proof that came with it (section 10.1)."""
    if proof is None:
        return
    if request.get("dpop_jkt", proof.thumbprint) != proof.thumbprint:
        raise oauth_error("invalid_request", "dpop_jkt is not the thumbprint of the key of the DPoP proof.")
    dpop.use(proof)
    request.payload.data["dpop_jkt"] = proof.thumbprint


def check_key_of_code(request: Request, code: "AuthorizationCode") -> None:
    """A code that was bound to a key is worth nothing to whoever cannot show that key, no proof at all included."""
    if code.bound_key and not crypto.constant_time_equal(code.bound_key, request.confirmation.get("jkt", "")):
        raise InvalidGrantError("The code is bound to another key.")
