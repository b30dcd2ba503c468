"""Pushed authorization requests (RFC 9126): kept under a name, and read again when a browser brings that name."""

from typing import Any

import orjson

from idp.core import clock, crypto, lifetimes
from idp.core.settings import Settings
from idp.oidc.authorization import parameters
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.sessions.single_sign_on import Session
from idp.storage.redis_store import Script, store

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
REQUEST_URI_LIFE = lifetimes.PUSHED_REQUEST.seconds

_LENGTHEN = Script("return redis.call('EXPIRE', KEYS[1], ARGV[1])")


def check_not_by_reference(request: Request) -> None:
    """Section 2.1: what is pushed is the request itself."""
    if request.get("request_uri"):
        raise oauth_error("invalid_request", "request_uri cannot be pushed.")


def save_pushed_request(request: Request) -> str:
    """Keeps a validated request; the `request_uri` that stands for it."""
    name = crypto.random_token()
    kept = {"parameters": parameters.kept(request), "begin_before": clock.timestamp() + REQUEST_URI_LIFE}
    store().put_once(_key(name), orjson.dumps(kept), REQUEST_URI_LIFE)
    return REQUEST_URI_PREFIX + name


def resolve_pushed_request(request: Request) -> None:
    """Puts the pushed parameters in place of whatever travelled beside the name (section 4); raises OAuth2Error."""
    name = request.get("request_uri")
    if not name.startswith(REQUEST_URI_PREFIX) or request.resumed:
        return
    kept_under = store().peek(_key(name.removeprefix(REQUEST_URI_PREFIX)))
    # One from before the store failed over may have been used: it is told like one that has expired.
    found = orjson.loads(kept_under[0]) if kept_under and kept_under[1] else {}
    # Section 2.2: an expired one MUST be refused. It may still be there, for an interaction that began in time.
    kept = found.get("parameters", {}) if clock.timestamp() < found.get("begin_before", 0) else {}
    # Bound to the client that pushed it (section 2.2); a name of another client is told like one that never was.
    if kept.get("client_id") != request.get("client_id"):
        raise oauth_error("invalid_request_uri", "The pushed request is not known or has expired.")
    request.payload.data.clear()
    request.payload.data.update(kept | {"request_uri": name})
    request.pushed = True


def keep_for_interaction(request: Request) -> None:
    """An interaction begins with it: the name stays as long as that waits, and begins no other one after its time.

    Raises `invalid_request_uri` when it has gone meanwhile: what was used up or has expired never comes back.
    """
    name = request.get("request_uri")
    if not name.startswith(REQUEST_URI_PREFIX):
        return
    life = lifetimes.INTERACTION.seconds
    if not store().run(_LENGTHEN, (_key(name.removeprefix(REQUEST_URI_PREFIX)),), (life,)):
        raise oauth_error("invalid_request_uri", "The pushed request is not known or has expired.")


def consume_pushed_request(request: Request, session: Session) -> None:
    """Takes the pushed request for good, when it is about to be answered: of two browsers that finish, one wins."""
    name = request.get("request_uri")
    if name.startswith(REQUEST_URI_PREFIX) and store().take_once(_key(name.removeprefix(REQUEST_URI_PREFIX))) is None:
        raise oauth_error("invalid_request_uri", "The pushed request was used already.")


def check_pushed_when_required(request: Request) -> None:
    """Section 5: a client registered with `require_pushed_authorization_requests` sends nothing in the open."""
    if request.registered.require_pushed_authorization_requests and not (request.pushed or request.resumed):
        raise oauth_error("invalid_request", "This client must push its authorization requests.")


def metadata(known: Settings) -> dict[str, Any]:
    """What discovery says about it (section 5)."""
    return {"pushed_authorization_request_endpoint": f"{known.issuer}/par", "require_pushed_authorization_requests": False}


def _key(name: str) -> str:
    return f"par:{crypto.digest(name)}"
