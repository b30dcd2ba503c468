"""The keys that a client registered, by value or by address, and what they let us check and encrypt."""

import math
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, OctKey
from joserfc.registry import Header

from idp.core import clock, crypto, lifetimes
from idp.oidc import algorithms, untrusted_json
from idp.oidc.clients.fetch import FetchRefused, fetch

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

KEY_SET_LIFE = lifetimes.CLIENT_KEYS.seconds
REFETCH_INTERVAL = (
    lifetimes.CLIENT_KEYS_AGAIN.seconds
)  # seconds between two fetches for keys that were not in the set: a client that rotates is seen soon
# What must never come from inside the token that it would verify (RFC 8725 section 3.10), and what we do not implement.
FORBIDDEN_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"})


class ClientJwtError(Exception):
    """A JWT from a client that we cannot believe; `reason` is safe to show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _CachedKeySet:
    """What a client's address gave, when, and when and how asking it failed since; times on the monotonic clock."""

    keys: list[Key] = field(default_factory=list)
    fetched_at: float = -math.inf
    asked_at: float = -math.inf
    failure: str = ""


# By address, and whether an operator's word stands behind it: what lies inside is never taken for a stranger's.
_Source = tuple[str, bool]
_key_sets: dict[_Source, _CachedKeySet] = {}
_fetch_locks: dict[_Source, threading.Lock] = {}


def verified_claims(token: str, client: "Client", algorithms: tuple[str, ...]) -> tuple[Header, dict[str, Any]]:
    """Header and claims of a JWS that this client signed with one of these algorithms; raises Unverified.

    `none` is never among them, an HMAC is only checked with the client's secret, and a key only with its own kind of
    algorithm, so that no public key can serve as a secret (RFC 8725 sections 2.1 and 3.1).
    """
    header = _header(token)
    if header.get("alg") not in algorithms:
        raise ClientJwtError("it is signed with an algorithm that is not accepted from this client")
    for key in _candidates(client, header):
        try:
            verified = jws.deserialize_compact(token, key, algorithms=[header["alg"]])
        except (JoseError, ValueError):
            continue
        return header, _object(verified.payload or b"")
    raise ClientJwtError("its signature does not verify with the client's keys")


def unverified_claims(token: str) -> dict[str, Any]:
    """The claims of a JWS that nobody has verified: good for finding out whose it claims to be; raises Unverified."""
    _header(token)
    return _object(jws.extract_compact(token.encode("ascii")).payload or b"")


def encrypt(payload: str, client: "Client", algorithm: str, encoding: str, kind: str = "JWT") -> str:
    """The payload as a JWE for this client (RFC 7516); raises Unverified when it registered no fitting key."""
    management, cipher = algorithms.key_management(algorithm), algorithms.content_encryption(encoding)
    if management.symmetric:
        key: Key = OctKey.import_key(_symmetric_key(client, management.bits or cipher.bits))
    else:
        key = _encryption_key(client, management.kty)
    header = {"alg": algorithm, "enc": encoding, "cty": kind} | ({"kid": key.kid} if key.kid else {})
    return jwe.encrypt_compact(header, payload, key, algorithms=[algorithm, encoding])


def public_keys(client: "Client", missing: bool = False) -> list[Key]:
    """The client's public keys; fetched anew when stale, or when one was `missing` and the last fetch is not recent."""
    if client.jwks:
        return _by_value(client)
    return _at((client.jwks_uri, client.of_operator), missing) if client.jwks_uri else []


def forget_key_set(jwks_uri: str) -> None:
    """Drops what was fetched from there: the client's registration changed."""
    for of_operator in (True, False):
        _key_sets.pop((jwks_uri, of_operator), None)


def _at(source: _Source, missing: bool) -> list[Key]:
    # One turn for each address: nobody waits for the server of another client, however slowly it answers.
    with _fetch_locks.setdefault(source, threading.Lock()):
        known, now = _key_sets.get(source, _CachedKeySet()), clock.monotonic()
        # A server that failed is left alone for a while too: who asks again and again keeps none of our threads.
        if (missing or now - known.fetched_at > KEY_SET_LIFE) and now - known.asked_at > REFETCH_INTERVAL:
            known = _key_sets[source] = _refreshed(source, known)
    if now - known.fetched_at > KEY_SET_LIFE:  # fails closed: keys that nobody vouches for any more are none
        raise ClientJwtError(known.failure)
    return known.keys


def _refreshed(source: _Source, known: _CachedKeySet) -> _CachedKeySet:
    try:
        keys = _fetched(source)
    except ClientJwtError as failed:
        return replace(known, asked_at=clock.monotonic(), failure=failed.reason)
    return _CachedKeySet(keys, clock.monotonic(), clock.monotonic())


def _by_value(client: "Client") -> list[Key]:
    name = (crypto.digest(orjson.dumps(client.jwks, option=orjson.OPT_SORT_KEYS).decode()), False)
    known = _key_sets.get(name)
    if known is None:
        known = _key_sets[name] = _CachedKeySet(_imported(client.jwks))
    return known.keys


def _fetched(source: _Source) -> list[Key]:
    try:
        return _imported(orjson.loads(fetch(source[0], of_operator=source[1]).body))
    except (FetchRefused, ValueError) as failed:
        reason = failed.reason if isinstance(failed, FetchRefused) else "is not JSON"
        raise ClientJwtError(f"the client's jwks_uri {reason}") from None


def _imported(data: Any) -> list[Key]:
    keys: list[Key] = []
    for entry in data.get("keys", []) if isinstance(data, dict) else []:
        try:
            keys += KeySet.import_key_set({"keys": [entry]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # a kind of key that we do not know says nothing about the others (RFC 7517 section 5)
    return [key for key in keys if key.key_type != "oct"]


def _candidates(client: "Client", header: Header) -> list[Key]:
    kind = algorithms.verification_kty(str(header["alg"]))
    if kind == "oct":
        secret = client.plain_secret()
        return [OctKey.import_key(secret)] if secret else []
    found = _fitting(public_keys(client), kind, header.get("kid"))
    return found or _fitting(public_keys(client, missing=True), kind, header.get("kid"))


def _fitting(keys: list[Key], kind: str | None, kid: Any) -> list[Key]:
    usable = [key for key in keys if key.key_type == kind and key.get("use") in (None, "sig")]
    return [key for key in usable if kid is None or key.get("kid") in (None, kid)]


def _encryption_key(client: "Client", kind: str) -> Key:
    usable = [key for key in public_keys(client) if key.key_type == kind and key.get("use") in (None, "enc")]
    preferred = [key for key in usable if key.get("use") == "enc"] or usable
    if not preferred:
        raise ClientJwtError("the client registered no key to encrypt for")
    return preferred[0]


def _symmetric_key(client: "Client", bits: int) -> bytes:
    """OpenID Connect Core 10.2: the leftmost bits of the SHA-2 of the client secret that is long enough."""
    secret = client.plain_secret()
    if not secret:
        raise ClientJwtError("the client has no secret that fits this algorithm")
    return (crypto.sha256(secret) if bits <= 256 else crypto.sha512(secret))[: bits // 8]


def _header(token: str) -> Header:
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, KeyError, TypeError):
        raise ClientJwtError("it is not a signed JWT") from None
    if FORBIDDEN_HEADERS & header.keys() or not isinstance(header.get("alg"), str):
        raise ClientJwtError("its header has a member that is not accepted")
    return header


def _object(payload: bytes) -> dict[str, Any]:
    try:
        claims = untrusted_json.read(payload)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise ClientJwtError("its payload is not a JSON object")
    return claims
