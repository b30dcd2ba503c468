"""A service's own private key, in the hands of whoever tries the service out: signs and decrypts in its place."""

from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OctKey, OKPKey, RSAKey

from idp.core.settings import ConfigError
from idp.oidc import algorithms
from idp.oidc.clients import keys


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """One private key, or a client secret as a key."""

    key: Key = field(repr=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """The first key of a PEM file, a JWK or a JWK set; raises ConfigError for anything else, and for a public key."""
        for candidate in _candidates(text):
            if candidate.is_private:
                return cls(candidate)
        raise ConfigError("The key file holds no private key: give the service's, as PEM or as JWK.")

    @classmethod
    def of_secret(cls, secret: str) -> Self:
        """The secret as client_secret_jwt uses it (OpenID Connect Core 9)."""
        return cls(OctKey.import_key(secret))

    def sign(self, claims: dict[str, Any], alg: str | None, kind: str) -> str:
        """The claims as a JWS, with the algorithm that the client registered or the usual one of such a key."""
        chosen = alg or algorithms.usual(self.key.key_type)
        header = {"alg": chosen, "typ": kind} | ({"kid": self.key.kid} if self.key.get("kid") else {})
        try:
            return jws.serialize_compact(header, orjson.dumps(claims), self.key, algorithms=[chosen])
        except (JoseError, ValueError) as unfit:
            raise ConfigError(f"The key cannot sign with {chosen} ({type(unfit).__name__}): give the one for that.") from None

    def decrypt(self, token: str) -> str:
        """What was encrypted for this key (RFC 7516); raises ClientJwtError."""
        allowed = [*algorithms.key_management_names(), *algorithms.content_encryption_names()]
        try:
            return (jwe.decrypt_compact(token, self.key, algorithms=allowed).plaintext or b"").decode()
        except (JoseError, ValueError):
            raise keys.ClientJwtError("it is encrypted for another key than the one that was given") from None


def plain_claims(token: str) -> dict[str, Any]:
    """The claims that were encrypted but not signed; raises ClientJwtError."""
    try:
        found = orjson.loads(token)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise keys.ClientJwtError("it is not a JSON object")
    return found


def _candidates(text: str) -> list[Key]:
    try:
        found = orjson.loads(text)
    except ValueError:
        return [key for kind in (RSAKey, ECKey, OKPKey) if (key := _pem(kind, text)) is not None]
    entries = found.get("keys", [found]) if isinstance(found, dict) else []
    try:
        return KeySet.import_key_set({"keys": entries}).keys
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return []


def _pem(kind: Any, text: str) -> Key | None:
    try:
        key: Key = kind.import_key(text)
    except (JoseError, ValueError, TypeError):
        return None
    return key
