"""Who is signed in at a demo service: kept on the server, since no logout notice could reach what only a cookie knows."""

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

LIFE = 12 * 3600  # seconds, as long as a session of the provider
MOST = 10_000  # sessions at once; then the oldest goes, and its owner is signed in again without a question


@dataclass(frozen=True)
class Person:
    """Somebody who signed in: the ID token as it came, its claims, and what userinfo told besides."""

    claims: dict[str, Any] = field(repr=False)
    userinfo: dict[str, Any] = field(repr=False)
    id_token: str = field(repr=False)
    until: float = field(default_factory=lambda: time.time() + LIFE)

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that was told, in one."""
        return self.userinfo | self.claims


class Sessions:
    """Sessions of one service by their key, which the browser's cookie holds. A real service would use its database."""

    def __init__(self) -> None:
        self._kept: dict[str, Person] = {}
        self._lock = threading.Lock()

    def begin(self, person: Person) -> str:
        """Keeps a sign-in under a new key: whoever knew an older key of this browser has nothing."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._kept) >= MOST:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = person
        return key

    def find(self, key: str | None) -> Person | None:
        """Who signed in under this key; None when nobody did, or it is over."""
        person = self._kept.get(key or "")
        return person if person is not None and time.time() < person.until else None

    def end(self, key: str | None) -> Person | None:
        """Ends one session; whose it was."""
        with self._lock:
            return self._kept.pop(key or "", None)

    def end_all(self, *, sub: str | None = None, sid: str | None = None) -> int:
        """Ends every session with this `sid`, or without one every session of this `sub`; how many ended."""
        with self._lock:
            over = [key for key, person in self._kept.items() if _concerns(person, sub, sid)]
            for key in over:
                del self._kept[key]
        return len(over)


def _concerns(person: Person, sub: str | None, sid: str | None) -> bool:
    # OpenID Connect Back-Channel Logout 1.0 section 2.6, steps 9 and 10: what is named must match.
    same_sub = sub is None or person.claims.get("sub") == sub
    same_sid = sid is None or person.claims.get("sid") == sid
    return same_sub and same_sid and (sub or sid) is not None
