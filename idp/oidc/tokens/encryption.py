"""Answers about a person that only their client can read: signed, encrypted or both, as the client registered."""

from typing import TYPE_CHECKING, Any

import orjson

from idp.core import clock
from idp.core.settings import Settings, settings
from idp.oidc import algorithms
from idp.oidc.clients import keys
from idp.oidc.errors import oauth_error
from idp.oidc.tokens import signing_keys

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


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
    """What discovery says about it (Discovery section 3)."""
    wrapping, ciphers = list(algorithms.key_management_names()), list(algorithms.content_encryption_names())
    return {
        "id_token_encryption_alg_values_supported": wrapping,
        "id_token_encryption_enc_values_supported": ciphers,
        "userinfo_signing_alg_values_supported": list(algorithms.signing_names()),
        "userinfo_encryption_alg_values_supported": wrapping,
        "userinfo_encryption_enc_values_supported": ciphers,
    }
