"""Hybrid flow, for `profile: legacy` clients only: a code, and tokens beside it (OpenID Connect Core section 3.3)."""

from typing import Any, cast

from authlib.oauth2.rfc6749 import OAuth2Request

from idp.oidc.authorization.response_types import normalize_response_type
from idp.oidc.request import Request
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.grants.authorization_code import AuthorizationCodeGrant
from idp.oidc.tokens.grants.implicit import front_channel_parameters


class HybridGrant(AuthorizationCodeGrant):
    """`code id_token`, `code token` and `code id_token token`; the code is redeemed as any other."""

    TYPES = frozenset({"code id_token", "code token", "code id_token token"})

    @classmethod
    def check_authorization_endpoint(cls, request: OAuth2Request) -> bool:
        """Whether this grant answers, in whatever order the parts of the response type came."""
        return normalize_response_type(cast(Request, request).payload.response_type) in cls.TYPES

    def create_authorization_response(self, redirect_uri: str, grant_user: Approval | None) -> Any:
        """The code's answer with the tokens added: they belong to its family, and die when the code is used twice."""
        status, given, headers = super().create_authorization_response(redirect_uri, grant_user)
        code = dict(given.parameters)["code"]
        given.parameters[1:1] = front_channel_parameters(self.request, cast(Approval, self.request.user), code)
        return status, given, headers
