"""Refreshing: every use rotates, but for FAPI 2.0; the previous token works again for a minute, a later reuse ends the family."""

from dataclasses import replace
from typing import Any, cast

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749 import grants as authlib_grants

from idp.oidc.authorization import details, resources
from idp.oidc.request import Request
from idp.oidc.tokens import issuance, refresh_tokens, sender_constraints
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.refresh_tokens import UsableRefreshToken


class RefreshTokenGrant(authlib_grants.RefreshTokenGrant):
    """RFC 6749 section 6 with the rotation of RFC 9700 section 4.14.2."""

    request: Request

    def issue_token(self, user: Any, refresh_token: Any) -> Any:
        """With a new refresh token, but for FAPI 2.0 (Security Profile 5.3.2.1): there a stolen one is of no use anyway."""
        rotating = not self.request.registered.fapi
        return self.generate_token(user=user, scope=user.scope, include_refresh_token=rotating)

    def validate_token_request(self) -> None:
        """Authlib finds the token and narrows the scope; a resource beyond what was approved is refused (RFC 8707 2.2)."""
        super().validate_token_request()
        approval = cast(UsableRefreshToken, self.request.refresh_token).approval
        sender_constraints.check_key_of_refresh_token(approval, self.request)
        details.narrow(self.request, approval.authorization_details)
        resources.set_audience(self.request, approval.resources)

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        """The usable token of the client that has just been authenticated."""
        return refresh_tokens.redeem(refresh_token, self.request.registered.client_id)

    def authenticate_user(self, refresh_token: UsableRefreshToken) -> Approval:
        """The approval, narrowed to the scope now asked for."""
        return replace(refresh_token.approval, scope=self.request.get("scope") or refresh_token.approval.scope)

    def save_token(self, token_: dict[str, Any]) -> None:
        """Keeps the access token first: a locked account or an ended session gets nothing, and nothing is rotated."""
        used = cast(UsableRefreshToken, self.request.refresh_token)
        client = self.request.registered
        record = issuance.access_token_record(token_, client, self.request.user, self.request.audience)
        record = replace(record, authorization_details=self.request.authorization_details)
        if not issuance.issue_access_token(token_, record, self.request):
            raise InvalidGrantError("The refresh token is no longer valid.")
        fresh = token_.get("refresh_token")
        if not (refresh_tokens.rotate(used, fresh) if fresh else refresh_tokens.renew(used)):
            raise InvalidGrantError("The refresh token is no longer valid.")

    def revoke_old_credential(self, refresh_token: Any) -> None:
        """Nothing: rotation has marked it."""
