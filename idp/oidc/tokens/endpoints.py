"""The endpoints that clients call directly: a form in, JSON out, whatever goes wrong an OAuth error."""

from collections.abc import Callable
from typing import Any, cast

from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from flask import Response

from idp.oidc import errors, request
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.storage.database import DATABASE_DOWN
from idp.storage.redis_store import StoreUnavailable

OUTAGES: tuple[type[Exception], ...] = (StoreUnavailable, *DATABASE_DOWN)


def token() -> Response:
    """The token endpoint (RFC 6749 section 3.2)."""
    return respond(lambda asked: _engine().create_token_response(asked))


def introspect() -> Response:
    """The introspection endpoint (RFC 7662 section 2)."""
    return respond(lambda asked: _engine().create_endpoint_response("introspection", asked))


def revoke() -> Response:
    """The revocation endpoint (RFC 7009 section 2)."""
    return respond(lambda asked: _engine().create_endpoint_response("revocation", asked))


def respond(answer: Callable[[Request], Any]) -> Response:
    """The answer to the current form; whatever goes wrong is an OAuth error in JSON, an outage of store or database too."""
    asked: Request | None = None
    try:
        asked = request.from_form()
        if asked.repeated:
            raise oauth_error("invalid_request", "A parameter is repeated.")
        return cast(Response, answer(asked))
    except OAuth2Error as error:
        return server().handle_error_response(asked, error)
    except OUTAGES:
        return server().handle_error_response(asked, oauth_error("temporarily_unavailable", "Try again in a moment."))


def error_for_status(status: int) -> Response:
    """The OAuth error for a status that HTTP itself gave: a wrong method, a body too large, a failure of ours."""
    body = errors.error_body(oauth_error(ERROR_BY_STATUS.get(status, "invalid_request")))
    return server().handle_response(status, body, default_json_headers)


ERROR_BY_STATUS = {429: "temporarily_unavailable", 503: "temporarily_unavailable", 500: "server_error"}


def _engine() -> Any:
    return server()
