"""Pushed authorization requests (RFC 9126): the client hands its request over first, and the browser carries only a name."""

from typing import Any

import orjson
from flask import Blueprint, Response

from idp.core import crypto
from idp.core.settings import settings
from idp.oidc.authorization import pipeline
from idp.oidc.clients import authentication
from idp.oidc.errors import refusal
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.oidc.tokens import endpoints
from idp.storage.redis_store import store
from idp.web.csrf import csrf_protect

URN = "urn:ietf:params:oauth:request_uri:"
CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
BEGIN_WITHIN = 60  # seconds for the browser to arrive, which is what `expires_in` promises


def register(blueprint: Blueprint) -> None:
    """Adds the endpoint."""
    blueprint.add_url_rule("/par", view_func=csrf_protect.exempt(par), methods=["POST"])


def par() -> Response:
    """RFC 9126 section 2: authenticates the client, validates the request whole, and keeps it."""
    return endpoints.answered(_push)


def _push(asked: Request) -> Response:
    client = authentication.authenticate(asked, "par")
    if asked.get("request_uri"):
        raise refusal("invalid_request", "request_uri cannot be pushed.")  # section 2.1
    parameters = {name: value for name, value in asked.payload.data.items() if name not in CREDENTIALS}
    pushed = Request(parameters | {"client_id": client.client_id})
    pushed.pushed = True
    pipeline.run(pipeline.RECOGNISE, pushed)
    pipeline.run(pipeline.VALIDATE, pushed)
    name = crypto.random_token()
    # Kept as long as an interaction waits: the person may reload the first page; `finish` takes it for good.
    life = settings().interaction_minutes * 60
    store().put(_key(name), orjson.dumps(pushed.payload.data), life)
    answer = {"request_uri": URN + name, "expires_in": BEGIN_WITHIN}
    return server().handle_response(201, answer, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])


def unpack(request: Request) -> None:
    """Puts the pushed parameters in place of whatever travelled beside the name (section 4); raises OAuth2Error."""
    name = request.get("request_uri")
    if not name.startswith(URN) or request.resumed:
        return
    raw = store().get(_key(name.removeprefix(URN)))
    kept = orjson.loads(raw) if raw else {}
    # Bound to the client that pushed it (section 2.2); a name of another client is told like one that never was.
    if kept.get("client_id") != request.get("client_id"):
        raise refusal("invalid_request_uri", "The pushed request is not known or has expired.")
    request.payload.data.clear()
    request.payload.data.update(kept | {"request_uri": name})
    request.pushed = True


def use_up(request: Request) -> None:
    """Takes the pushed request for good, when it is about to be answered: of two browsers that finish, one wins."""
    name = request.get("request_uri")
    if name.startswith(URN) and store().take(_key(name.removeprefix(URN))) is None:
        raise refusal("invalid_request_uri", "The pushed request was used already.")


def pushed_when_required(request: Request) -> None:
    """Section 5: a client registered with `require_pushed_authorization_requests` sends nothing in the open."""
    if request.registered.require_pushed_authorization_requests and not (request.pushed or request.resumed):
        raise refusal("invalid_request", "This client must push its authorization requests.")


def metadata(issuer: str) -> dict[str, Any]:
    """What discovery says about it (section 5)."""
    return {"pushed_authorization_request_endpoint": f"{issuer}/par", "require_pushed_authorization_requests": False}


def _key(name: str) -> str:
    return f"par:{crypto.digest(name)}"
