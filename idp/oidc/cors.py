"""Scripts of other origins (Fetch standard): three endpoints, the origins that clients registered, never credentials."""

import flask
from flask import Response

from idp.oidc.clients import dynamic
from idp.oidc.clients.client import Client
from idp.oidc.clients.directory import clients
from idp.storage.database import DATABASE_DOWN

# What a page without a server of its own calls. Every other endpoint is for servers, or is opened by the browser itself.
METHODS = {"oidc.token": "POST", "oidc.revoke": "POST", "oidc.userinfo": "GET, POST"}
HEADERS = "Authorization, Content-Type, DPoP"
EXPOSED_HEADERS = "WWW-Authenticate, Retry-After, DPoP-Nonce"
PREFLIGHT_MAX_AGE = "600"  # seconds that a browser keeps the answer to its preflight


def set_caller(client: Client) -> None:
    """The current request turned out to be this client's: from here on, its own origins count and no others."""
    flask.g.caller = client


def complete(response: Response) -> Response:
    """For `after_request`: completes the answers of these endpoints; Flask answers OPTIONS by itself."""
    methods = METHODS.get(flask.request.endpoint or "")
    if methods is None:
        return response
    response.headers.add("Vary", "Origin")  # with or without one: a cache must not give one origin's answer to another
    origin = flask.request.headers.get("Origin")
    if origin is None or not _allowed(origin, response):
        return response
    # No Access-Control-Allow-Credentials, ever: a page of another origin speaks with its tokens, not with our cookies.
    response.headers["Access-Control-Allow-Origin"] = origin
    if flask.request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = HEADERS
        response.headers["Access-Control-Max-Age"] = PREFLIGHT_MAX_AGE
    else:
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    return response


def _allowed(origin: str, response: Response) -> bool:
    caller: Client | None = flask.g.get("caller")
    if caller is not None:
        return origin in caller.cors_origins
    # A preflight names no client, and neither does a refusal: they tell nothing of anybody. What tells something
    # without a known caller is read by no script: fails closed.
    tells = flask.request.method != "OPTIONS" and response.status_code < 400
    return not tells and _is_of_some_client(origin)


def _is_of_some_client(origin: str) -> bool:
    if any(origin in client.cors_origins for client in clients().all()):
        return True
    try:
        return origin in dynamic.page_origins()
    except DATABASE_DOWN:  # fails closed
        return False
