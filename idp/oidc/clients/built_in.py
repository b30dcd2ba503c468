"""The one client that no file lists: the account's own pages, which sign people in as any service does."""

from idp.core.settings import settings
from idp.core.values import ACCOUNT_CLIENT
from idp.oidc.clients.client import Client


def find(client_id: str) -> Client | None:
    """The account's pages as a client of this issuer."""
    if client_id != ACCOUNT_CLIENT:
        return None
    issuer = settings().issuer
    return Client.model_validate(
        {
            "client_id": ACCOUNT_CLIENT,
            "client_name": "Akun SIAPkerja",
            "client_name#en": "SIAPkerja account",
            "client_uri": f"{issuer}/account",
            "redirect_uris": [f"{issuer}/account/callback"],
            "token_endpoint_auth_method": "none",
            "scope": "openid",
            "first_party": True,
        }
    )
