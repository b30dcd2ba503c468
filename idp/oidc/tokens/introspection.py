"""Introspection (RFC 7662): a client learns about its own tokens and those meant for it; everything else is inactive."""

from typing import TYPE_CHECKING, Any, cast

import flask
from authlib.oauth2.rfc7662 import IntrospectionEndpoint as AuthlibIntrospectionEndpoint

from idp.core.settings import settings
from idp.oidc.clients.directory import clients
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import access_tokens, claims, encryption, refresh_tokens, sender_constraints
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.refresh_tokens import UsableRefreshToken

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


SIGNED_ANSWER = "application/token-introspection+jwt"


class IntrospectionEndpoint(AuthlibIntrospectionEndpoint):
    """Only clients that prove themselves may ask: an open endpoint would be an oracle (RFC 7662 section 4)."""

    def authenticate_token(self, request: Any, client: "Client") -> AccessToken | UsableRefreshToken | None:
        """The token, if this client may know of it; the type hint is not needed: a token shows what it is."""
        if request.auth_method == "none":
            raise oauth_error("invalid_client", "Client authentication failed.")
        return find_presented_token(request, client)

    def create_endpoint_response(self, request: Any) -> Any:
        """As JSON, or signed for a resource server that asks for it so (RFC 9701 section 4)."""
        status, told, headers = cast(Any, super()).create_endpoint_response(request)
        if flask.request.headers.get("Accept", "").partition(";")[0].strip().lower() != SIGNED_ANSWER:
            return status, told, headers
        kept = [(name, value) for name, value in headers if name != "Content-Type"]
        return status, encryption.encode_introspection(told, request.registered), [*kept, ("Content-Type", SIGNED_ANSWER)]

    def create_introspection_payload(self, token: AccessToken | UsableRefreshToken | None) -> dict[str, Any]:
        """`active` and, for an active token, what it is good for."""
        if token is None:
            return {"active": False}
        return _about_refresh(token) if isinstance(token, UsableRefreshToken) else _about_access(token)


def find_presented_token(request: Request, client: "Client") -> AccessToken | UsableRefreshToken | None:
    """The token named in the request: this client's own, or one it is the audience of; raises `invalid_request`."""
    token = request.get("token")
    if not token:
        raise oauth_error("invalid_request", "token is missing.")
    if refresh_tokens.is_refresh_token(token):
        return refresh_tokens.find(token, client.client_id)
    found = access_tokens.find_access_token(token)
    return found[0] if found is not None and _may_introspect(client, found[0]) else None


def _may_introspect(client: "Client", token: AccessToken) -> bool:
    """Its own token, or as a resource server one made out to it: to everybody else the token does not exist."""
    if token.client_id == client.client_id:
        return True
    # The tokens of a client that was removed are dead, here as at userinfo. Fails closed.
    known = all(clients().find(client_id) is not None for client_id in token.clients)
    return known and client.resource_server and bool({client.client_id, *client.resources} & set(token.audience))


def _about_access(token: AccessToken) -> dict[str, Any]:
    owner = clients().find(token.client_id)
    about: dict[str, Any] = {
        "active": True,
        "iss": settings().issuer,
        "client_id": token.client_id,
        "sub": claims.subject_for(owner, token.subject) if owner and token.subject else token.client_id,
        "scope": token.scope,
        "token_type": sender_constraints.token_type(token.confirmation),
        "iat": token.issued_at,
        "exp": token.expires_at,
        "aud": list(token.audience) or token.client_id,
    }
    if token.subject:
        about |= {"acr": token.acr, "auth_time": token.auth_time}
    if token.authorization_details:  # RFC 9396 section 9.2
        about["authorization_details"] = list(token.authorization_details)
    if token.actor:
        about["act"] = token.actor
    return about | ({"cnf": token.confirmation} if token.confirmation else {})


def _about_refresh(token: UsableRefreshToken) -> dict[str, Any]:
    approval = token.approval
    owner = clients().find(approval.client_id)
    about = {
        "active": True,
        "iss": settings().issuer,
        "client_id": approval.client_id,
        "sub": claims.subject_for(owner, approval.subject) if owner else approval.subject,
        "scope": approval.scope,
        "iat": token.issued_at,
        "exp": token.expires_at,
    }
    return about | ({"cnf": approval.bound_to} if approval.bound_to else {})
