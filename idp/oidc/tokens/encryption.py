"""Answers about a person that only their client can read: signed, encrypted or both, as the client registered."""

from typing import TYPE_CHECKING, Any

import orjson

from idp.core import clock, lifetimes
from idp.core.settings import Settings, settings
from idp.oidc import algorithms
from idp.oidc.clients import keys
from idp.oidc.errors import oauth_error
from idp.oidc.tokens import signing_keys

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


RESPONSE_LIFE = lifetimes.SIGNED_RESPONSE.seconds
# A type of its own: what is told of a token must not be taken for a token (RFC 9701 section 8.1).
INTROSPECTION_TYPE = "token-introspection+jwt"


def encrypt_id_token(signed: str, client: "Client") -> str:
    """The signed ID token, encrypted too for a client that wants it so (OpenID Connect Core 2 and 10.2)."""
    algorithm = client.id_token_encrypted_response_alg
    return _encrypted(signed, client, algorithm, client.id_token_encrypted_response_enc) if algorithm else signed


def encode_userinfo(told: dict[str, Any], client: "Client") -> tuple[bytes | str, str]:
    """Body and content type of a userinfo answer (Core 5.3.2): JSON, unless the client registered a signature or a cipher."""
    signing, encrypting = client.userinfo_signed_response_alg, client.userinfo_encrypted_response_alg
    if not signing and not encrypting:
        return orjson.dumps(told), "application/json"
    body = _signed(told, client, signing) if signing else orjson.dumps(told).decode()
    if encrypting:
        body = _encrypted(body, client, encrypting, client.userinfo_encrypted_response_enc, "JWT" if signing else "json")
    return body, "application/jwt"


def encode_authorization_response(told: dict[str, str], client: "Client") -> str:
    """The answer of the authorization endpoint as a JWT (JARM section 2.1), encrypted too where the client wants that."""
    stated = told | {"aud": client.client_id, "exp": clock.timestamp() + RESPONSE_LIFE}
    signed = signing_keys.sign(stated, client.authorization_signed_response_alg)
    algorithm = client.authorization_encrypted_response_alg
    return _encrypted(signed, client, algorithm, client.authorization_encrypted_response_enc) if algorithm else signed


def encode_introspection(told: dict[str, Any], client: "Client") -> str:
    """What a resource server learns of a token, as a JWT for it alone (RFC 9701 section 5)."""
    stated = {"iss": settings().issuer, "aud": client.client_id, "iat": clock.timestamp(), "token_introspection": told}
    signed = signing_keys.sign(stated, client.introspection_signed_response_alg, INTROSPECTION_TYPE)
    algorithm = client.introspection_encrypted_response_alg
    return _encrypted(signed, client, algorithm, client.introspection_encrypted_response_enc) if algorithm else signed


def _signed(told: dict[str, Any], client: "Client", algorithm: str) -> str:
    stated = {"iss": settings().issuer, "aud": client.client_id, "iat": clock.timestamp()}
    return signing_keys.sign(told | stated, algorithm)


def _encrypted(payload: str, client: "Client", algorithm: str, encoding: str, kind: str = "JWT") -> str:
    try:
        return keys.encrypt(payload, client, algorithm, encoding, kind)
    except keys.ClientJwtError as missing:
        # Fails closed: what the client wants encrypted never leaves us in the clear.
        raise oauth_error("temporarily_unavailable", f"The answer cannot be encrypted: {missing.reason}.") from None


def metadata(known: Settings) -> dict[str, Any]:
    """What discovery says about it (Discovery section 3; JARM section 4; RFC 9701 section 7)."""
    wrapping, ciphers = list(algorithms.key_management_names()), list(algorithms.content_encryption_names())
    return {
        "id_token_encryption_alg_values_supported": wrapping,
        "id_token_encryption_enc_values_supported": ciphers,
        "userinfo_signing_alg_values_supported": list(algorithms.signing_names()),
        "userinfo_encryption_alg_values_supported": wrapping,
        "userinfo_encryption_enc_values_supported": ciphers,
        "authorization_signing_alg_values_supported": list(algorithms.signing_names()),
        "authorization_encryption_alg_values_supported": wrapping,
        "authorization_encryption_enc_values_supported": ciphers,
        "introspection_signing_alg_values_supported": list(algorithms.signing_names()),
        "introspection_encryption_alg_values_supported": wrapping,
        "introspection_encryption_enc_values_supported": ciphers,
    }
