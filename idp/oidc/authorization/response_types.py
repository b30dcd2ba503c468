"""Response types (OAuth 2.0 Multiple Response Types): those we serve, and what each of them demands of a request."""

from idp.oidc.authorization import response_modes
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request, words

# All but `code` are for `profile: legacy` clients (see clients/rules.py): tokens in the browser leak (RFC 9700 2.1.2).
RESPONSE_TYPES = ("code", "code id_token", "code token", "code id_token token", "id_token", "id_token token")


def parse_response_type(request: Request) -> None:
    """One that we serve and that this client registered; from here on as we write it, since Authlib compares it by letter."""
    asked = request.payload.response_type
    if not asked:
        raise oauth_error("invalid_request", "response_type is missing.")
    known = normalize_response_type(asked)
    if known is None:
        raise oauth_error("unsupported_response_type", "This response_type is not supported.")
    request.payload.data["response_type"] = known
    if not request.registered.check_response_type(known):
        raise oauth_error("unauthorized_client", "The client may not use this response_type.")


def check_response_mode(request: Request) -> None:
    """One that we serve and that is safe for the response type; form_post needs a web page at the other end."""
    mode = request.get("response_mode")
    if mode and mode not in response_modes.allowed_modes(request.payload.response_type):
        raise oauth_error("invalid_request", "This response_mode is not possible here.")
    if request.registered.answered_in_jwts and not mode.endswith("jwt"):
        raise oauth_error("invalid_request", "This client must ask for its answers as a JWT: response_mode=jwt.")
    if mode.startswith("form_post") and not (request.verified_redirect_uri or "").startswith(("https://", "http://")):
        raise oauth_error("invalid_request", "form_post needs an http or https redirect_uri.")


def check_nonce(request: Request) -> None:
    """An ID token that travels through the browser must be bound to it."""
    if "id_token" in words(request.payload.response_type) and not request.get("nonce"):
        raise oauth_error("invalid_request", "nonce is missing.")


def normalize_response_type(asked: str | None) -> str | None:
    """The response type as we write it, its parts in any order (OAuth Multiple Response Types section 3); else None."""
    parts = sorted(words(asked))
    return next((known for known in RESPONSE_TYPES if sorted(known.split()) == parts), None)
