"""The grants, one file each; Authlib chooses among those that `TABLE` registers, in this order."""

from idp.oidc.grants.authorization_code import AuthorizationCodeGrant
from idp.oidc.grants.client_credentials import ClientCredentialsGrant
from idp.oidc.grants.device import DeviceCodeGrant
from idp.oidc.grants.refresh_token import RefreshTokenGrant
from idp.oidc.token import IdTokens

# Token exchange (RFC 8693), hybrid and implicit add a row each.
TABLE = [
    (AuthorizationCodeGrant, [IdTokens()]),
    (RefreshTokenGrant, [IdTokens()]),
    (ClientCredentialsGrant, []),
    (DeviceCodeGrant, [IdTokens()]),
]
