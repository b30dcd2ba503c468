"""ID tokens of ours that come back as a hint: at the authorization endpoint, and at logout."""

from typing import Any

from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import signing_keys


def parse_id_token_hint(request: Request) -> None:
    """Signed by one of our keys and meant for this client; it may have expired (OpenID Connect Core 3.1.2.1)."""
    raw = request.get("id_token_hint")
    if not raw:
        return
    hint = signing_keys.verify(raw, "JWT")  # never an access token: its type is another
    if hint is None or not is_id_token_for(hint, request.registered.client_id):
        raise oauth_error("invalid_request", "id_token_hint was not issued by us to this client.")
    request.hint = hint


def is_id_token_for(hint: dict[str, Any], client_id: str) -> bool:
    """Whether this is an ID token (no other token of ours that a client sees has `auth_time`) with this client as audience."""
    audience = hint.get("aud")
    return client_id in (audience if isinstance(audience, list) else [audience]) and "auth_time" in hint
