"""A client acting for itself."""

from typing import Any

from authlib.oauth2.rfc6749 import grants as authlib_grants

from idp.oidc.authorization import resources
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import issuance


class ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):
    """RFC 6749 section 4.4: confidential clients only, no refresh token, no scope that speaks of a person."""

    request: Request

    def validate_token_request(self) -> None:
        """Authlib authenticates the client and looks at its grant types; one that proved nothing gets nothing."""
        super().validate_token_request()
        if self.request.auth_method == "none":
            raise oauth_error("unauthorized_client", "A public client cannot act for itself.")
        resources.set_audience(self.request)

    def save_token(self, token_: dict[str, Any]) -> None:
        """For Authlib: keeps the record of the access token."""
        client = self.request.registered
        record = issuance.access_token_record(token_, client, audience=self.request.audience)
        issuance.issue_access_token(token_, record, self.request)
