"""The grants, one file each; Authlib chooses among those of this table, in this order."""

from typing import Any

from idp.oidc.tokens.grants.authorization_code import AuthorizationCodeGrant
from idp.oidc.tokens.grants.client_credentials import ClientCredentialsGrant
from idp.oidc.tokens.grants.device import DeviceCodeGrant
from idp.oidc.tokens.grants.hybrid import HybridGrant
from idp.oidc.tokens.grants.implicit import ImplicitGrant
from idp.oidc.tokens.grants.refresh_token import RefreshTokenGrant
from idp.oidc.tokens.grants.token_exchange import TokenExchangeGrant
from idp.oidc.tokens.issuance import IdTokenExtension

# Each grant, what extends its answers, and the clause that defines it.
GRANT_CLASSES: tuple[tuple[Any, list[Any], str], ...] = (
    (AuthorizationCodeGrant, [IdTokenExtension()], "RFC 6749 4.1; OpenID Connect Core 3.1"),
    (HybridGrant, [], "OpenID Connect Core 3.3"),
    (ImplicitGrant, [], "OpenID Connect Core 3.2"),
    (RefreshTokenGrant, [IdTokenExtension()], "RFC 6749 6; OpenID Connect Core 12; RFC 9700 4.14.2"),
    (ClientCredentialsGrant, [], "RFC 6749 4.4"),
    (DeviceCodeGrant, [IdTokenExtension()], "RFC 8628 3.4"),
    (TokenExchangeGrant, [], "RFC 8693 2"),
)


def grant_types() -> list[str]:
    """Every grant type that the table serves, as discovery lists them."""
    return list(dict.fromkeys(grant.GRANT_TYPE for grant, _, _ in GRANT_CLASSES if grant.GRANT_TYPE))
