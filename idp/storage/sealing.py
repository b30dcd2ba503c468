"""Sealing of personal data: AES-256-GCM bound to its place, and blind indexes to find it again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

from idp.core import crypto
from idp.core.settings import Ring


class Unsealable(Exception):
    """The sealed text was changed, moved to another row, or sealed with a key we no longer have: fails closed."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals with the ring's current key and opens with any of its keys, so that keys rotate without a pause."""

    sealing: Ring
    blind: Ring
    renew: "Callable[[], Sealer] | None" = field(default=None, repr=False, compare=False)
    _ciphers: dict[str, AESGCM] = field(default_factory=dict, repr=False)

    def seal(self, text: str, context: str) -> str:
        """`key id.base64(nonce + ciphertext)`; `context` names table, column and row, and must be given again to open."""
        key_id = self.sealing.current
        nonce = crypto.random_bytes(12)
        sealed = self._cipher(key_id).encrypt(nonce, text.encode(), f"{key_id}|{context}".encode())
        return f"{key_id}.{(nonce + sealed).hex()}"

    def open(self, sealed: str, context: str) -> str:
        """What was sealed for this very context; raises Unsealable for anything else."""
        key_id, _, body = sealed.partition(".")
        # A key that another process has just begun to write with is in the file by now.
        known = self.renew() if self.renew and key_id not in self.sealing.keys else self
        try:
            raw = bytes.fromhex(body)
            return known._cipher(key_id).decrypt(raw[:12], raw[12:], f"{key_id}|{context}".encode()).decode()
        except (InvalidTag, KeyError, ValueError):
            raise Unsealable(f"cannot open what is sealed for {context.partition(':')[0]}") from None

    def index(self, value: str, purpose: str) -> str:
        """The blind index under which a new row is found again."""
        return self._index(self.blind.current, value, purpose)

    def indexes(self, value: str, purpose: str) -> list[str]:
        """Every index that a row with this value may carry: current key first, then the older ones."""
        ids = [self.blind.current, *(k for k in self.blind.keys if k != self.blind.current)]
        return [self._index(key_id, value, purpose) for key_id in ids]

    def _index(self, key_id: str, value: str, purpose: str) -> str:
        return f"{key_id}.{crypto.mac(self.blind.keys[key_id], purpose, value)}"

    def _cipher(self, key_id: str) -> AESGCM:
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            cipher = self._ciphers[key_id] = AESGCM(self.sealing.keys[key_id])
        return cipher


def sealer() -> Sealer:
    return cast(Sealer, current_app.extensions["idp.storage.sealing"])
