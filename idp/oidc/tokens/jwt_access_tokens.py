"""Access tokens that resources can read by themselves: JWTs (RFC 9068) that still have a record, so that they can end."""

from typing import TYPE_CHECKING, Any

from idp.core.settings import settings
from idp.oidc.tokens import claims, signing_keys
from idp.oidc.tokens.access_tokens import JWT_TYPE, AccessToken

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


def to_jwt(name: str, record: AccessToken, client: "Client") -> str:
    """The JWT (RFC 9068 section 2.2) of a kept token; `name`, by which the store knows it, is its `jti`."""
    audience = record.audience
    stated: dict[str, Any] = {
        "iss": settings().issuer,
        "sub": claims.subject_for(client, record.subject) if record.subject else client.client_id,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "client_id": client.client_id,
        "iat": record.issued_at,
        "exp": record.expires_at,
        "jti": name,
    }
    known: dict[str, Any] = {"scope": record.scope, "act": record.actor, "cnf": record.confirmation}
    known["authorization_details"] = list(record.authorization_details)  # RFC 9396 section 9.1
    if record.subject:
        known |= {"auth_time": record.auth_time, "acr": record.acr, "amr": list(record.amr)}
    return signing_keys.sign(stated | {k: v for k, v in known.items() if v}, client.id_token_signed_response_alg, JWT_TYPE)
