"""Proof Key for Code Exchange (RFC 7636): a challenge at the authorization endpoint, its verifier at the token endpoint."""

import re
from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749 import InvalidGrantError

from idp.core import crypto
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request, words

if TYPE_CHECKING:
    from idp.oidc.tokens.authorization_codes import AuthorizationCode

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # BASE64URL of a SHA-256
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def check_code_challenge(request: Request) -> None:
    """S256 for every client unless its entry says `pkce: optional`; `plain` never, an absent method means plain."""
    if "code" not in words(request.payload.response_type):
        return
    challenge, method = request.get("code_challenge"), request.get("code_challenge_method")
    if not challenge and not method:
        if request.registered.pkce_required:
            raise oauth_error("invalid_request", "code_challenge is missing: this client must use PKCE.")
        return
    if method != "S256":
        raise oauth_error("invalid_request", "code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise oauth_error("invalid_request", "code_challenge is not the S256 of a verifier.")


def check_code_verifier(request: Request, code: "AuthorizationCode") -> None:
    """RFC 7636 section 4.6; a missing verifier is a wrong one, and one without a challenge a downgrade (RFC 9700 4.8)."""
    verifier = request.get("code_verifier")
    if not code.challenge and not verifier:
        return
    if not _VERIFIER.fullmatch(verifier) or not crypto.constant_time_equal(crypto.digest(verifier), code.challenge):
        raise InvalidGrantError("The code verifier does not match.")
