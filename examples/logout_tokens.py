"""Logout tokens, verified as OpenID Connect Back-Channel Logout 1.0 section 2.6 asks; Authlib's client has no such check."""

import threading
import time
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LEEWAY = 60  # seconds that clocks may differ
AGAIN = 60  # seconds before keys are fetched anew for an unknown key id: strangers must not make us ask all the time


class Refused(Exception):
    """The token is not one to obey; the text says why, and nothing of the person."""


class LogoutTokens:
    """Verifies the logout tokens of one provider for one client, each once."""

    def __init__(self, issuer: str, client_id: str, alg: str, fetch_keys: Callable[[bool], dict[str, Any]]) -> None:
        self._alg, self._fetch_keys = alg, fetch_keys
        self._seen: dict[str, float] = {}
        self._fetched = 0.0
        self._lock = threading.Lock()
        self._registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            iat={"essential": True},
            exp={"essential": True},
            jti={"essential": True},
        )

    def verify(self, token: str) -> tuple[str | None, str | None]:
        """`sub` and `sid` of whom to sign out, one of them None at most; raises Refused."""
        try:
            decoded = self._decoded(token)
            self._registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as problem:
            raise Refused(type(problem).__name__) from None
        _check_kind(decoded)
        sub, sid = (_text(decoded.claims, name) for name in ("sub", "sid"))
        if sub is None and sid is None:  # step 4
            raise Refused("neither sub nor sid")
        self._use_once(str(decoded.claims["jti"]), float(decoded.claims["exp"]))
        return sub, sid

    def _decoded(self, token: str) -> jwt.Token:
        # Step 2: the algorithm that we registered for ID tokens, and no other; `none` is not among them. Fails closed.
        try:
            return jwt.decode(token, KeySet.import_key_set(self._fetch_keys(False)), algorithms=[self._alg])
        except InvalidKeyIdError:
            if time.monotonic() - self._fetched < AGAIN and self._fetched:
                raise
            self._fetched = time.monotonic()
            return jwt.decode(token, KeySet.import_key_set(self._fetch_keys(True)), algorithms=[self._alg])

    def _use_once(self, jti: str, until: float) -> None:
        # Step 7: no token is obeyed twice; the provider's next attempt carries a token of its own.
        with self._lock:
            now = time.time()
            self._seen = {known: end for known, end in self._seen.items() if end + LEEWAY > now}
            if jti in self._seen:
                raise Refused("replayed")
            self._seen[jti] = until


def _check_kind(token: jwt.Token) -> None:
    """Steps 5 and 6: a logout token and nothing that could pass for one, such as an ID token."""
    events = token.claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise Refused("no logout event")
    if "nonce" in token.claims:
        raise Refused("has a nonce")
    if token.header.get("typ") != "logout+jwt":  # section 2.4; our provider always says it
        raise Refused("of another type")


def _text(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not (isinstance(value, str) and value):
        raise Refused(f"{name} is no text")
    return value
