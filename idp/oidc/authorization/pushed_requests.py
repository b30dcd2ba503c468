"""Pushed authorization requests (RFC 9126): kept under a name, and read again when a browser brings that name."""

from typing import Any

import orjson

from idp.core import crypto
from idp.core.settings import settings
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.sessions.single_sign_on import Session
from idp.storage.redis_store import store

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"


def check_not_by_reference(request: Request) -> None:
    """Section 2.1: what is pushed is the request itself."""
    if request.get("request_uri"):
        raise oauth_error("invalid_request", "request_uri cannot be pushed.")


def save_pushed_request(request: Request) -> str:
    """Keeps a validated request; the `request_uri` that stands for it."""
    name = crypto.random_token()
    # Kept as long as an interaction waits: the person may reload the first page; the answer takes it for good.
    store().put(_key(name), orjson.dumps(request.payload.data), settings().interaction_minutes * 60)
    return REQUEST_URI_PREFIX + name


def resolve_pushed_request(request: Request) -> None:
    """Puts the pushed parameters in place of whatever travelled beside the name (section 4); raises OAuth2Error."""
    name = request.get("request_uri")
    if not name.startswith(REQUEST_URI_PREFIX) or request.resumed:
        return
    raw = store().get(_key(name.removeprefix(REQUEST_URI_PREFIX)))
    kept = orjson.loads(raw) if raw else {}
    # Bound to the client that pushed it (section 2.2); a name of another client is told like one that never was.
    if kept.get("client_id") != request.get("client_id"):
        raise oauth_error("invalid_request_uri", "The pushed request is not known or has expired.")
    request.payload.data.clear()
    request.payload.data.update(kept | {"request_uri": name})
    request.pushed = True


def consume_pushed_request(request: Request, session: Session) -> None:
    """Takes the pushed request for good, when it is about to be answered: of two browsers that finish, one wins."""
    name = request.get("request_uri")
    if name.startswith(REQUEST_URI_PREFIX) and store().take(_key(name.removeprefix(REQUEST_URI_PREFIX))) is None:
        raise oauth_error("invalid_request_uri", "The pushed request was used already.")


def check_pushed_when_required(request: Request) -> None:
    """Section 5: a client registered with `require_pushed_authorization_requests` sends nothing in the open."""
    if request.registered.require_pushed_authorization_requests and not (request.pushed or request.resumed):
        raise oauth_error("invalid_request", "This client must push its authorization requests.")


def metadata(issuer: str) -> dict[str, Any]:
    """What discovery says about it (section 5)."""
    return {"pushed_authorization_request_endpoint": f"{issuer}/par", "require_pushed_authorization_requests": False}


def _key(name: str) -> str:
    return f"par:{crypto.digest(name)}"
