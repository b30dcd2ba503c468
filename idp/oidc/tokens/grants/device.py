"""The device flow: a device without a keyboard polls while its owner says yes in a browser."""

from dataclasses import replace
from typing import Any, cast

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.core import crypto
from idp.oidc.authorization import resources
from idp.oidc.clients.rules import DEVICE_CODE_GRANT
from idp.oidc.device import codes
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import issuance, refresh_tokens, sender_constraints
from idp.oidc.tokens.approvals import Approval

POLL_ERROR_DESCRIPTIONS = {
    "authorization_pending": "The person has not decided yet.",
    "slow_down": "Wait five seconds longer between two polls, from now on.",
    "expired_token": "The device code has expired.",
    "access_denied": "The person said no.",
}


class DeviceCodeGrant(BaseGrant, TokenEndpointMixin):
    """RFC 8628 sections 3.4 and 3.5, over device codes that are taken atomically."""

    GRANT_TYPE = DEVICE_CODE_GRANT
    request: Request

    def validate_token_request(self) -> None:
        """Authenticates the client, then polls: pending, refused, or the approval for good."""
        self.authenticate_token_endpoint_client()
        client = self.request.registered
        if not client.check_grant_type(DEVICE_CODE_GRANT):
            raise oauth_error("unauthorized_client", "The client may not use this grant_type.")
        device_code = self.request.get("device_code")
        if not device_code:
            raise oauth_error("invalid_request", "device_code is missing.")
        found = codes.poll(device_code, client.client_id)
        if isinstance(found, str):
            raise (
                oauth_error(found, POLL_ERROR_DESCRIPTIONS[found])
                if found in POLL_ERROR_DESCRIPTIONS
                else InvalidGrantError("The device code is not known.")
            )
        self.request.user = replace(found, family=crypto.digest(device_code))
        resources.set_audience(self.request, found.resources)

    def create_token_response(self) -> Any:
        """The tokens of what was approved, no more."""
        approval = cast(Approval, self.request.user)
        made = self.generate_token(
            user=approval,
            scope=approval.scope,
            include_refresh_token=self.request.registered.check_grant_type("refresh_token"),
        )
        self.save_token(made)
        response = 200, made, self.TOKEN_RESPONSE_HEADER
        self.execute_hook("after_create_token_response", response)
        return response

    def save_token(self, token_: dict[str, Any]) -> None:
        """Keeps the access token first: an account locked or a session ended meanwhile gets nothing."""
        approval, client = cast(Approval, self.request.user), self.request.registered
        record = issuance.access_token_record(token_, client, approval, self.request.audience)
        if not issuance.issue_access_token(token_, record, self.request):
            raise InvalidGrantError("The device code is no longer valid.")
        if token_.get("refresh_token"):
            refresh_tokens.begin_family(sender_constraints.bound_approval(approval, self.request), token_["refresh_token"])
