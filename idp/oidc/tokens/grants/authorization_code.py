"""The code flow: writing a code at the authorization endpoint, redeeming it once at the token endpoint."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from authlib.oauth2.rfc6749 import grants as authlib_grants

from idp.audit import trail
from idp.core import lifetimes
from idp.oidc.authorization import details, pkce, proof_keys, resources, response_modes
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import authorization_codes, issuance, refresh_tokens, sender_constraints
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.authorization_codes import AuthorizationCode


class AuthorizationCodeGrant(authlib_grants.AuthorizationCodeGrant):
    """RFC 6749 section 4.1 with RFC 7636, over codes that are taken atomically."""

    request: Request

    def validate_authorization_request(self) -> str:
        """The verified redirect URI: the server has run the pipeline before it chose this grant."""
        if self.request.verified_redirect_uri is None:
            raise oauth_error("invalid_request", "The request was not verified.")
        return self.request.verified_redirect_uri

    def create_authorization_response(self, redirect_uri: str, grant_user: Approval | None) -> Any:
        """The answer with a fresh code, or raises `access_denied` when the person did not approve."""
        if grant_user is None:
            raise oauth_error("access_denied", "The person did not approve the request.")
        code = authorization_codes.new_code(grant_user.subject)
        self.request.user = replace(grant_user, family=authorization_codes.family_id(code))
        self.save_authorization_code(code, self.request)
        return 303, response_modes.authorization_response(self.request, [("code", code)]), []

    def save_authorization_code(self, code: str, request: Any) -> None:
        """For Authlib: keeps the record of the code until it is redeemed."""
        record = AuthorizationCode(
            request.user, request.verified_redirect_uri, request.get("code_challenge"), request.get("dpop_jkt")
        )
        authorization_codes.save_code(code, record, lifetimes.SESSION.seconds)

    def validate_token_request(self) -> None:
        """Authlib authenticates the client, takes the code and compares the redirect URI; then our own rows."""
        super().validate_token_request()
        for step, _clause in REDEMPTION_STEPS:
            step(self.request, cast(AuthorizationCode, self.request.authorization_code))

    def query_authorization_code(self, code: str, client: Any) -> AuthorizationCode | None:
        """Takes the code: of any number that ask at once, one gets it. Used twice, all that it gave is dead."""
        try:
            return authorization_codes.take_code(code, client.client_id)
        except authorization_codes.CodeReused as reused:
            refresh_tokens.revoke_refresh_tokens(reused.family)
            trail.record("code_reused", client=client.client_id)
            return None

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        """Nothing: taking it was deleting it."""

    def authenticate_user(self, authorization_code: AuthorizationCode) -> Approval:
        """What was approved stands for the person from here on."""
        return authorization_code.approval

    def save_token(self, token_: dict[str, Any]) -> None:
        """Keeps the tokens. The family is written first: a second presentation of the code that comes in between must end it."""
        approval = cast(Approval, self.request.user)
        refresh = token_.get("refresh_token")
        if refresh:
            refresh_tokens.begin_family(sender_constraints.bound_approval(approval, self.request), refresh)
        client = self.request.registered
        record = issuance.access_token_record(token_, client, approval, self.request.audience)
        record = replace(record, authorization_details=self.request.authorization_details)
        if not issuance.issue_access_token(token_, record, self.request) and refresh:
            refresh_tokens.revoke_family(approval.family, approval.subject)


# What a redemption must match beyond client and redirect URI, and the clause that asks for it.
REDEMPTION_STEPS: tuple[tuple[Callable[[Request, AuthorizationCode], None], str], ...] = (
    (pkce.check_code_verifier, "RFC 7636 4.6; RFC 9700 4.8"),
    (proof_keys.check_key_of_code, "RFC 9449 10: dpop_jkt"),
    (details.parse_details_of_code, "RFC 9396 6: invalid_authorization_details"),
    (resources.parse_audience_of_code, "RFC 8707 2.2: invalid_target"),
)
