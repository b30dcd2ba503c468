"""Signing keys: made, sealed in SQL, rotated with overlap, imported once per process."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

import orjson
import structlog
from flask import current_app
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key
from sqlalchemy import BigInteger, String, Table, Text, UniqueConstraint, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from idp.audit import trail
from idp.core import clock, crypto, lifetimes
from idp.oidc import algorithms
from idp.storage.database import Model, db
from idp.storage.sealing import Unsealable, sealer

log = structlog.get_logger()

PUBLISH_AHEAD = lifetimes.KEY_AHEAD.seconds
OVERLAP = (
    lifetimes.KEY_OVERLAP.seconds
)  # seconds that a key is published after its last signature: the last token dies long before
RELOAD_INTERVAL = 30.0  # seconds


class SigningKey(Model):
    """One key pair; the private part is sealed. Times are epoch seconds."""

    __tablename__ = "signing_keys"
    # Two workers that start at once would both make a first key: the database lets one through.
    __table_args__ = (UniqueConstraint("alg", "generation"),)

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(8))
    generation: Mapped[int] = mapped_column(BigInteger)
    private_sealed: Mapped[str] = mapped_column(Text)
    published_at: Mapped[int] = mapped_column(BigInteger)
    active_from: Mapped[int] = mapped_column(BigInteger)
    retired_at: Mapped[int | None] = mapped_column(BigInteger)


SIGNING_KEYS = cast(Table, SigningKey.__table__)


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key as this process holds it: imported once, since importing an RSA key costs more than a hundred signatures."""

    kid: str
    alg: str
    active_from: int
    key: Key = field(repr=False)
    signer: Callable[[bytes], bytes] = field(repr=False)

    def public(self) -> dict[str, Any]:
        """Its JWK without the private members."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.alg, "use": "sig"}


@dataclass(slots=True)
class KeyRing:
    """The keys of one application, read again from SQL every half minute."""

    published: list[PublishedKey] = field(default_factory=list)
    jwks: bytes = b""
    looked: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def stale(self) -> bool:
        """Whether it is time to look at SQL again."""
        return clock.monotonic() - self.looked > RELOAD_INTERVAL

    def current(self) -> list[PublishedKey]:
        """The keys as SQL had them about half a minute ago; makes the first ones when there are none."""
        # One thread looks while the others go on with what they have; only the very first look is waited for.
        if self.stale and self.lock.acquire(blocking=not self.published):
            try:
                if self.stale:
                    self._look()
            finally:
                self.lock.release()
        return self.published

    def _look(self) -> None:
        try:
            self.read()
        except (SQLAlchemyError, Unsealable) as failed:
            # The database is away: the keys that we hold are still the right ones, and everybody still needs them.
            if not self.published:
                raise
            log.error("keys_not_read_again", kind=type(failed).__name__)
            self.looked = clock.monotonic()

    def read(self) -> None:
        """Reads the keys from SQL now, whenever the last look was."""
        # The generations are read first: of two workers that both find a key missing, SQL then lets one make it.
        generations = _generations()
        rows = _living()
        if missing := _without_key(rows):
            rows = _first_keys(missing, generations)
        known = {p.kid: p for p in self.published}
        self.published = [known.get(row.kid) or _imported(row) for row in rows]
        self.jwks = orjson.dumps({"keys": [p.public() for p in self.published]})
        self.looked = clock.monotonic()


def key_ring() -> KeyRing:
    return cast(KeyRing, current_app.extensions["idp.keys"])


def active_key(alg: str) -> PublishedKey:
    """The key that signs with `alg` now: the newest whose time has come; raises LookupError for an unknown alg."""
    known = key_ring().current()
    now = clock.timestamp()
    ready = [p for p in known if p.alg == alg and p.active_from <= now]
    if not ready:
        raise LookupError(f"no active key for {alg}")
    return ready[-1]  # SQL gave them in the order of their times


def sign(claims: dict[str, Any], alg: str = "RS256", typ: str = "JWT") -> str:
    """The claims as a JWS in compact form, `kid` always in its header (RFC 7515); raises LookupError for an unknown alg."""
    chosen = active_key(alg)
    message = f"{_header(alg, chosen.kid, typ)}.{crypto.b64(orjson.dumps(claims))}"
    return f"{message}.{crypto.b64(chosen.signer(message.encode()))}"


@lru_cache(maxsize=64)
def _header(alg: str, kid: str, typ: str) -> str:
    return crypto.b64(orjson.dumps({"alg": alg, "kid": kid, "typ": typ}))


def verify(token: str, typ: str | None = None) -> dict[str, Any] | None:
    """The claims of a JWS that one of our published keys signed, None for anything else; expiry is the caller's business."""
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        found = next((p for p in key_ring().current() if p.kid == header.get("kid") and p.alg == header.get("alg")), None)
        if found is None or header.keys() - {"alg", "kid", "typ"} or (typ and header.get("typ") != typ):
            return None
        claims = orjson.loads(jws.deserialize_compact(token, found.key, algorithms=[found.alg]).payload or b"")
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return claims if isinstance(claims, dict) else None


def rotate(alg: str, *, at_once: bool = False) -> str:
    """Publishes a next key for `alg`, active in 24 h (`at_once`: now, for a key that leaked); returns its kid."""
    now = clock.timestamp()
    row = _insert(alg, _generations().get(alg, 0) + 1, now, now if at_once else now + PUBLISH_AHEAD)
    key_ring().read()
    trail.record("keys_rotated", alg=alg, kid=row["kid"])
    return str(row["kid"])


def retire(kid: str) -> bool:
    """Takes a key out of the JWKS at once: nothing signed with it is believed any more; False when it is not there.

    Its private part is erased. If it was the one that signs, reading the keys again makes another.
    """
    gone = {"retired_at": clock.timestamp(), "private_sealed": ""}
    with db.engine.begin() as connection:
        done = connection.execute(
            update(SIGNING_KEYS).where(SIGNING_KEYS.c.kid == kid, SIGNING_KEYS.c.retired_at.is_(None)).values(gone)
        )
    if not done.rowcount:
        return False
    key_ring().read()
    trail.record("keys_rotated", kid=kid, retired=True)
    return True


def list_keys() -> list[tuple[str, str, str, int]]:
    """Every key in the JWKS: kid, alg, state (`next`, `active`, `previous`), time from which it signs (epoch seconds)."""
    known = key_ring().current()
    now = clock.timestamp()
    rows = []
    for p in known:
        state = "next" if p.active_from > now else "active" if active_key(p.alg).kid == p.kid else "previous"
        rows.append((p.kid, p.alg, state, p.active_from))
    return sorted(rows, key=lambda row: (row[1], row[3]))


def _living() -> list[Any]:
    """Keys to publish; those that were superseded longer than the overlap ago are deleted on the way."""
    now = clock.timestamp()
    with db.engine.connect() as connection:
        rows = list(
            connection.execute(
                select(SIGNING_KEYS)
                # A newer version of ours may have made keys that this one cannot read: they are its own.
                .where(SIGNING_KEYS.c.retired_at.is_(None), SIGNING_KEYS.c.alg.in_(algorithms.signing_names()))
                .order_by(SIGNING_KEYS.c.active_from, SIGNING_KEYS.c.generation)
            )
        )
    gone = {row.kid for row in rows if _superseded_at(row, rows, now) < now - OVERLAP}
    if gone:
        with db.engine.begin() as connection:
            connection.execute(delete(SIGNING_KEYS).where(SIGNING_KEYS.c.kid.in_(gone)))
    return [row for row in rows if row.kid not in gone]


def _superseded_at(row: Any, rows: list[Any], now: int) -> int:
    after = [r.active_from for r in rows if r.alg == row.alg and row.active_from < r.active_from <= now]
    return min(after, default=now)


def _without_key(rows: list[Any]) -> list[str]:
    """The algorithms that nothing can be signed with now: all at first, one after its key was retired."""
    now = clock.timestamp()
    ready = {row.alg for row in rows if row.active_from <= now}
    return [alg for alg in algorithms.signing_names() if alg not in ready]


def _generations() -> dict[str, int]:
    """The last generation of each algorithm, retired or not."""
    with db.engine.connect() as connection:
        found = connection.execute(
            select(SIGNING_KEYS.c.alg, func.max(SIGNING_KEYS.c.generation).label("last")).group_by(SIGNING_KEYS.c.alg)
        )
        return {str(row.alg): int(row.last) for row in found}


def _first_keys(missing: list[str], generations: dict[str, int]) -> list[Any]:
    for alg in missing:
        with suppress(IntegrityError):  # another worker was first: its key is the one
            # From the beginning of time: a server whose clock is a little behind signs with it too.
            _insert(alg, generations.get(alg, 0) + 1, clock.timestamp(), 0)
    return _living()


def _insert(alg: str, generation: int, published_at: int, active_from: int) -> dict[str, Any]:
    """A new key pair in SQL; raises IntegrityError when somebody else made this generation."""
    kid = crypto.random_token(12)
    private = orjson.dumps(algorithms.signing(alg).key.make().as_dict(private=True)).decode()
    sealed = sealer().seal(private, f"signing_keys.private:{kid}")
    times = {"published_at": published_at, "active_from": active_from}
    row = {"kid": kid, "alg": alg, "generation": generation, "private_sealed": sealed, **times}
    with db.engine.begin() as connection:
        connection.execute(insert(SIGNING_KEYS), row)
    return row


def _imported(row: Any) -> PublishedKey:
    data = orjson.loads(sealer().open(row.private_sealed, f"signing_keys.private:{row.kid}"))
    algorithm = algorithms.signing(row.alg)
    key = algorithm.key.read(data)
    return PublishedKey(row.kid, row.alg, row.active_from, key, algorithm.signer(key.private_key))
