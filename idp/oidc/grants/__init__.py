"""The grants, one file each; Authlib chooses among those that `TABLE` registers, in this order."""

from idp.oidc.grants.authorization_code import AuthorizationCodeGrant
from idp.oidc.grants.client_credentials import ClientCredentialsGrant
from idp.oidc.grants.device import DeviceCodeGrant
from idp.oidc.grants.hybrid import HybridGrant
from idp.oidc.grants.implicit import ImplicitGrant
from idp.oidc.grants.refresh_token import RefreshTokenGrant
from idp.oidc.grants.token_exchange import TokenExchangeGrant
from idp.oidc.token import IdTokens

TABLE = [
    (AuthorizationCodeGrant, [IdTokens()]),
    (HybridGrant, []),
    (ImplicitGrant, []),
    (RefreshTokenGrant, [IdTokens()]),
    (ClientCredentialsGrant, []),
    (DeviceCodeGrant, [IdTokens()]),
    (TokenExchangeGrant, []),
]
