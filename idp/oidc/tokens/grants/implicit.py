"""Implicit flow, for `profile: legacy` clients only: tokens come through the browser (OpenID Connect Core section 3.2)."""

from typing import Any, cast

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationEndpointMixin, BaseGrant

from idp.core import lifetimes
from idp.oidc.authorization import response_modes
from idp.oidc.authorization.response_types import normalize_response_type
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import issuance, service_use
from idp.oidc.tokens.approvals import Approval


class ImplicitGrant(BaseGrant, AuthorizationEndpointMixin):
    """`id_token` and `id_token token`; never `token` alone, which says nothing of who signed in."""

    GRANT_TYPE = "implicit"
    TYPES = frozenset({"id_token", "id_token token"})

    request: Request

    @classmethod
    def check_authorization_endpoint(cls, request: OAuth2Request) -> bool:
        """Whether this grant answers, in whatever order the parts of the response type came."""
        return normalize_response_type(cast(Request, request).payload.response_type) in cls.TYPES

    def validate_authorization_request(self) -> str:
        """The verified redirect URI: the server has run the pipeline before it chose this grant."""
        if self.request.verified_redirect_uri is None:
            raise oauth_error("invalid_request", "The request was not verified.")
        return self.request.verified_redirect_uri

    def create_authorization_response(self, redirect_uri: str, grant_user: Approval | None) -> Any:
        """The answer with its tokens, or raises `access_denied` when the person did not approve."""
        if grant_user is None:
            raise oauth_error("access_denied", "The person did not approve the request.")
        # Logout tells the clients of a session: without a code nobody else notes this one.
        service_use.add_client_to_session(grant_user, lifetimes.SESSION.seconds)
        return 303, response_modes.authorization_response(self.request, front_channel_parameters(self.request, grant_user)), []


def front_channel_parameters(request: Request, approval: Approval, code: str = "") -> response_modes.Parameters:
    """The tokens that the response type promises, as parameters of the answer; raises OAuth2Error.

    An access token is for userinfo only, whatever `resource` asks: what travels through a browser opens nothing else.
    """
    client, parts = request.registered, (request.payload.response_type or "").split()
    made: dict[str, Any] = {}
    if "token" in parts:
        made = issuance.generate("implicit", client, approval, approval.scope, include_refresh_token=False)
        if not issuance.issue_access_token(made, issuance.access_token_record(made, client, approval), request):
            raise oauth_error("access_denied", "The session is over.")
    given = [(name, str(value)) for name, value in made.items()]
    if "id_token" not in parts:
        return given
    bound = {"access_token": made.get("access_token", ""), "code": code, "nonce": approval.nonce}
    # Core 5.4: where no access token is issued, nothing but the ID token can carry what the scopes ask for.
    alone = parts == ["id_token"]
    return [*given, ("id_token", issuance.id_token(issuance.with_scope_claims(approval) if alone else approval, client, **bound))]
