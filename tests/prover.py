"""A client's side of DPoP (RFC 9449): a key, and proofs made with it, right ones and every wrong one that a test wants."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from joserfc import jws
from joserfc.jwk import ECKey, Key

from idp.core import clock, crypto


@dataclass
class Prover:
    """Whoever holds this key; `nonce` is what the server last said."""

    issuer: str
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    algorithm: str = "ES256"
    nonce: str | None = None

    @property
    def thumbprint(self) -> str:
        return self.key.thumbprint()

    def proof(
        self,
        path: str,
        method: str = "POST",
        token: str = "",
        header: dict[str, Any] | None = None,
        key: Key | None = None,
        **changes: Any,
    ) -> str:
        """A proof for one request; members of its header and its claims can be replaced, or left out with None."""
        claims = {"jti": crypto.random_token(12), "htm": method, "htu": self.issuer + path, "iat": clock.timestamp()}
        claims |= {"nonce": self.nonce} | ({"ath": crypto.digest(token)} if token else {}) | changes
        head = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.key.as_dict(private=False)} | (header or {})
        return signed(_said(head), _said(claims), key or self.key)

    def header(self, path: str, method: str = "POST", token: str = "", **changes: Any) -> dict[str, str]:
        """The headers of one request: the proof, and the token that it is about."""
        authorization = {"Authorization": f"DPoP {token}"} if token else {}
        return {"DPoP": self.proof(path, method, token, **changes)} | authorization


def signed(header: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """A JWS with whatever header: for `none` and what is no algorithm at all the signature is that of nothing."""
    known = header.get("alg") in ("ES256", "PS256", "EdDSA", "RS256", "HS256")
    if not known:
        return f"{crypto.b64(orjson.dumps(header))}.{crypto.b64(orjson.dumps(claims))}.{crypto.b64(b'nothing')}"
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.max_header_length = 4096
    return jws.serialize_compact(header, orjson.dumps(claims), key, registry=registry)


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
