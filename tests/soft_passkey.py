"""A passkey authenticator in software, honest by default."""

import json
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from idp.core import crypto

PRESENT, VERIFIED, MAY_SYNC, NEW_KEY = 0x01, 0x04, 0x08, 0x40


@dataclass
class SoftPasskey:
    """One credential: `creates` and `answers` give what a browser would send, as JSON."""

    origin: str
    domain: str = "localhost"
    credential: bytes = field(default_factory=lambda: crypto.random_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    handle: bytes = b""
    count: int = 0
    flags: int = PRESENT | VERIFIED
    counts: bool = True

    def creates(self, options: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.create`."""
        self.handle = _bytes(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cbor2.dumps(cose)
        data = self._data(self.flags | NEW_KEY) + attested
        response = {
            "clientDataJSON": crypto.b64(self._client_data("webauthn.create", options)),
            "attestationObject": crypto.b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal"],
        }
        return self._told(response)

    def answers(self, options: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.get`."""
        self.count += self.counts
        data, client_data = self._data(self.flags), self._client_data("webauthn.get", options)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(client_data)
        response = {
            "clientDataJSON": crypto.b64(client_data),
            "authenticatorData": crypto.b64(data),
            "signature": crypto.b64(self.key.sign(data + digest.finalize(), ec.ECDSA(hashes.SHA256()))),
            "userHandle": crypto.b64(self.handle),
        }
        return self._told(response)

    def _data(self, flags: int) -> bytes:
        return crypto.sha256(self.domain) + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _told(self, response: dict[str, Any]) -> str:
        known = crypto.b64(self.credential)
        return json.dumps({"id": known, "rawId": known, "type": "public-key", "response": response, "clientExtensionResults": {}})


def options_of(page: Any, kind: str) -> dict[str, Any]:
    """What the page would give to the browser."""
    form = next(f for f in page.forms if f.attributes.get("data-passkey") == kind)
    options: dict[str, Any] = json.loads(form.attributes["data-options"])
    return options


def _bytes(text: str) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    return base64url_to_bytes(text)
