"""Revocation (RFC 7009): a client gives back its own tokens; giving back one that is unknown succeeds too."""

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc7009 import RevocationEndpoint as AuthlibRevocationEndpoint

from idp.audit import trail
from idp.oidc.tokens import access_tokens, introspection, refresh_tokens
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.refresh_tokens import UsableRefreshToken

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


class RevocationEndpoint(AuthlibRevocationEndpoint):
    """A refresh token takes its family and the family's access tokens along (RFC 7009 section 2.1), any token its exchanges."""

    def authenticate_token(self, request: Any, client: "Client") -> AccessToken | UsableRefreshToken | None:
        """The token if it is this client's own; another client's stays untouched and is not told from an unknown one."""
        token = introspection.find_presented_token(request, client)
        return token if token is not None and token.check_client(client) else None

    def revoke_token(self, token: AccessToken | UsableRefreshToken, request: Any) -> None:
        """For Authlib: revokes the token that the client gave back."""
        if isinstance(token, UsableRefreshToken):
            refresh_tokens.revoke_family(token.family, token.approval.subject)
        else:
            access_tokens.revoke_access_token(request.get("token"), token.subject)
        trail.record("token_revoked", client=request.client.client_id)
