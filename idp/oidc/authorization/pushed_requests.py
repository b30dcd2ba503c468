"""Pushed authorization requests (RFC 9126): the client hands its request over first, and the browser carries only a name."""

from typing import Any

import orjson
from flask import Blueprint, Response

from idp.core import crypto
from idp.core.settings import settings
from idp.oidc.authorization import pipeline
from idp.oidc.clients import authentication
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.oidc.tokens import endpoints
from idp.storage.redis_store import store
from idp.web.csrf import csrf_protect

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
REQUEST_URI_LIFE = 60  # seconds for the browser to arrive, which is what `expires_in` promises


def register(blueprint: Blueprint) -> None:
    """Adds the endpoint."""
    blueprint.add_url_rule("/par", view_func=csrf_protect.exempt(par), methods=["POST"])


def par() -> Response:
    """RFC 9126 section 2: authenticates the client, validates the request whole, and keeps it."""
    return endpoints.respond(_push)


def _push(asked: Request) -> Response:
    client = authentication.authenticate(asked, "par")
    if asked.get("request_uri"):
        raise oauth_error("invalid_request", "request_uri cannot be pushed.")  # section 2.1
    parameters = {name: value for name, value in asked.payload.data.items() if name not in CREDENTIALS}
    pushed = Request(parameters | {"client_id": client.client_id})
    pushed.pushed = True
    pipeline.run(pipeline.IDENTIFICATION_STEPS, pushed)
    pipeline.run(pipeline.VALIDATION_STEPS, pushed)
    name = crypto.random_token()
    # Kept as long as an interaction waits: the person may reload the first page; `finish` takes it for good.
    life = settings().interaction_minutes * 60
    store().put(_key(name), orjson.dumps(pushed.payload.data), life)
    answer = {"request_uri": REQUEST_URI_PREFIX + name, "expires_in": REQUEST_URI_LIFE}
    return server().handle_response(201, answer, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])


def resolve(request: Request) -> None:
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


def consume(request: Request) -> None:
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
