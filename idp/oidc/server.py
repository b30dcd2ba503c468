"""The authorization server: Authlib's engine with our requests, our checks and one place where every answer is made."""

from typing import Any, cast

import orjson
from authlib.consts import default_json_headers
from authlib.integrations.flask_oauth2 import AuthorizationServer as FlaskAuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Request, UnsupportedGrantTypeError
from flask import Response, current_app

from idp.core import languages
from idp.oidc import errors
from idp.oidc.authorization import details, pipeline
from idp.oidc.authorization.response_modes import AuthorizationResponse, authorization_response
from idp.oidc.clients import authentication
from idp.oidc.clients.directory import clients
from idp.oidc.clients.presentation import service_of
from idp.oidc.device import approval
from idp.oidc.request import Request, from_form
from idp.oidc.tokens import sender_constraints
from idp.web import error_pages

# Errors that are nobody's fault but ours or an operator's; every other error on a page is a request that cannot be.
PAGE_STATUS = {"temporarily_unavailable": 503, "server_error": 500}


class AuthorizationServer(FlaskAuthorizationServer):
    """Authlib's server; its hooks live in sets, so that whatever needs an order is a table of ours instead."""

    def query_client(self, client_id: str) -> Any:
        """The registered client, or None."""
        return clients().find(client_id)

    def create_oauth2_request(self, request: Any) -> Any:
        """Passes our own request through, so that stored parameters replay; else reads the form of the current POST."""
        return request if isinstance(request, OAuth2Request) else from_form()

    def get_authorization_grant(self, request: OAuth2Request) -> Any:
        """Runs the pipeline, then lets Authlib choose the grant by response type; raises OAuth2Error.

        Authlib would choose first, and its own complaint about a response type repeats the caller's words.
        """
        ours = cast(Request, request)
        if ours.device:
            return approval.grant_for(ours, self)
        pipeline.validate(ours)
        return super().get_authorization_grant(ours)

    def get_token_grant(self, request: OAuth2Request) -> Any:
        """The grant by its type; raises OAuth2Error, not in the caller's words."""
        if not cast(Request, request).get("grant_type"):
            raise errors.oauth_error("invalid_request", "grant_type is missing.")
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError:
            raise errors.oauth_error("unsupported_grant_type", "This grant_type is not supported.") from None

    def authenticate_client(self, request: OAuth2Request, methods: Any, endpoint: str = "token") -> Any:
        """By our table, whatever list an endpoint names: which method a client uses is the client's entry to say."""
        ours = cast(Request, request)
        client = authentication.authenticate(ours, endpoint)
        if endpoint == "token":
            sender_constraints.parse_confirmation(ours)
        return client

    def create_token_response(self, request: Any = None) -> Any:
        """Authlib's, with what no grant may forget before it issues anything: a proof of possession counts once."""
        grant = self.get_token_grant(request)
        details.check_grant(request)
        grant.validate_token_request()
        sender_constraints.use_proof(request)
        return self.handle_response(*grant.create_token_response())

    def handle_response(self, status_code: int, payload: Any, headers: Any) -> Response:
        """The one place where answers are made: to a client through its browser, or JSON."""
        if isinstance(payload, AuthorizationResponse):
            return payload.render()
        body = orjson.dumps(payload) if isinstance(payload, dict) else payload
        return Response(body, status_code, headers)

    def _error_to_client(self, request: Request, body: dict[str, str]) -> Response:
        try:
            return self.handle_response(303, authorization_response(request, list(body.items())), [])
        except OAuth2Error as unsealed:  # fails closed: what the client wants encrypted never leaves us in the clear
            return _page(request, errors.error_body(unsealed)["error"])

    def handle_error_response(self, request: OAuth2Request | None, error: OAuth2Error) -> Response:
        """An error to the client, as a page, or as JSON.

        It travels to the client only when client and redirect URI are verified (`verified_redirect_uri`): this is the
        only place
        that decides so, and without it fails closed to a page.
        """
        ours = cast("Request | None", request)
        body = errors.error_body(error)
        if ours is not None and ours.device:
            return approval.error_response(ours, body["error"])
        if ours is not None and ours.verified_redirect_uri:
            return self._error_to_client(ours, body)
        if ours is not None and ours.interactive:
            return _page(ours, body["error"])
        challenge = authentication.authenticate_header(ours) if body["error"] == "invalid_client" else []
        return self.handle_response(error.status_code, body, [*_other_headers(error), *default_json_headers, *challenge])


def _page(request: Request, error: str) -> Response:
    """The page of an error that may not travel; a client that is known is named, with its own way back."""
    service = {"service": service_of(request.client, languages.current().tag)} if request.client else {}
    # Whatever stands in place of a client_id that we do not know is a stranger's text: it is said to be one, not kept.
    client_id = request.client.client_id if request.client else "unknown"
    return error_pages.error_page(PAGE_STATUS.get(error, 400), error, client_id=client_id, **service)


def _other_headers(error: OAuth2Error) -> list[tuple[str, str]]:
    known = {name for name, _ in default_json_headers} | {"WWW-Authenticate"}
    return [(name, value) for name, value in error.get_headers() if name not in known]


def server() -> AuthorizationServer:
    return cast(AuthorizationServer, current_app.extensions["idp.oidc"])
