"""The grants, one file each; Authlib chooses among those that `TABLE` registers, in this order."""

from idp.oidc.tokens.grants.authorization_code import AuthorizationCodeGrant
from idp.oidc.tokens.grants.client_credentials import ClientCredentialsGrant
from idp.oidc.tokens.grants.device import DeviceCodeGrant
from idp.oidc.tokens.grants.hybrid import HybridGrant
from idp.oidc.tokens.grants.implicit import ImplicitGrant
from idp.oidc.tokens.grants.refresh_token import RefreshTokenGrant
from idp.oidc.tokens.grants.token_exchange import TokenExchangeGrant
from idp.oidc.tokens.issuance import IdTokenExtension

GRANT_CLASSES = [
    (AuthorizationCodeGrant, [IdTokenExtension()]),
    (HybridGrant, []),
    (ImplicitGrant, []),
    (RefreshTokenGrant, [IdTokenExtension()]),
    (ClientCredentialsGrant, []),
    (DeviceCodeGrant, [IdTokenExtension()]),
    (TokenExchangeGrant, []),
]
