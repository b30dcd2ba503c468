"""Signing keys: made, sealed in SQL, rotated with overlap, imported once per process."""

import threading
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from flask import current_app
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import BigInteger, String, Table, Text, UniqueConstraint, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from idp import audit, clock, tokens
from idp.extensions import Model, db
from idp.sealing import sealer

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
AHEAD = 86400  # seconds that a next key is published before it signs: clients cache our JWKS
OVERLAP = 86400  # seconds that a key is published after its last signature: the last token dies long before
LOOK_EVERY = 30.0  # seconds


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


KEYS = cast(Table, SigningKey.__table__)


@dataclass(frozen=True, slots=True)
class Published:
    """A key as this process holds it: imported once, since importing an RSA key costs more than a hundred signatures."""

    kid: str
    alg: str
    active_from: int
    key: Key = field(repr=False)

    def public(self) -> dict[str, Any]:
        """Its JWK without the private members."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.alg, "use": "sig"}


@dataclass(slots=True)
class KeyRing:
    """The keys of one application, read again from SQL every half minute."""

    published: list[Published] = field(default_factory=list)
    jwks: bytes = b""
    etag: str = ""
    looked: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def current(self) -> list[Published]:
        """The keys as SQL had them at most half a minute ago; makes the first ones when there are none."""
        if clock.monotonic() - self.looked > LOOK_EVERY:
            with self.lock:
                if clock.monotonic() - self.looked > LOOK_EVERY:
                    self.read()
        return self.published

    def read(self) -> None:
        """Reads SQL now."""
        rows = _living() or _first_keys()
        known = {p.kid: p for p in self.published}
        self.published = [known.get(row.kid) or _imported(row) for row in rows]
        self.jwks = orjson.dumps({"keys": [p.public() for p in self.published]})
        self.etag = f'"{tokens.digest(self.jwks.decode())[:24]}"'
        self.looked = clock.monotonic()


def ring() -> KeyRing:
    """The application's keys."""
    return cast(KeyRing, current_app.extensions["idp.keys"])


def active(alg: str) -> Published:
    """The key that signs with `alg` now: the newest whose time has come; raises LookupError for an unknown alg."""
    now = clock.timestamp()
    ready = [p for p in ring().current() if p.alg == alg and p.active_from <= now]
    if not ready:
        raise LookupError(f"no active key for {alg}")
    return max(ready, key=lambda p: p.active_from)


def sign(claims: dict[str, Any], alg: str = "RS256", typ: str = "JWT") -> str:
    """The claims as a JWS in compact form, `kid` always in its header (RFC 7515)."""
    chosen = active(alg)
    header = {"alg": alg, "kid": chosen.kid, "typ": typ}
    return jws.serialize_compact(header, orjson.dumps(claims), chosen.key, algorithms=[alg])


def verify(token: str, typ: str | None = None) -> dict[str, Any] | None:
    """The claims of a JWS that one of our published keys signed, None for anything else; expiry is the caller's business."""
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        found = next((p for p in ring().current() if p.kid == header.get("kid") and p.alg == header.get("alg")), None)
        if found is None or header.keys() - {"alg", "kid", "typ"} or (typ and header.get("typ") != typ):
            return None
        claims = orjson.loads(jws.deserialize_compact(token, found.key, algorithms=[found.alg]).payload or b"")
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return claims if isinstance(claims, dict) else None


def rotate(alg: str, *, at_once: bool = False) -> str:
    """Publishes a next key for `alg`, active in 24 h (`at_once`: now, for a key that leaked); returns its kid."""
    now = clock.timestamp()
    generations = select(KEYS.c.generation).where(KEYS.c.alg == alg).order_by(KEYS.c.generation.desc())
    with db.engine.begin() as connection:
        last = connection.scalar(generations.limit(1)) or 0
        row = _new(alg, last + 1, now, now if at_once else now + AHEAD)
        connection.execute(insert(KEYS), row)
    ring().read()
    audit.record("keys_rotated", alg=alg, kid=row["kid"])
    return str(row["kid"])


def retire(kid: str) -> bool:
    """Takes a key out of the JWKS at once: nothing signed with it is believed any more; False when it is not there."""
    now = clock.timestamp()
    with db.engine.begin() as connection:
        done = connection.execute(update(KEYS).where(KEYS.c.kid == kid, KEYS.c.retired_at.is_(None)).values(retired_at=now))
    ring().read()
    return bool(done.rowcount)


def listed() -> list[tuple[str, str, str, int]]:
    """Every key in the JWKS: kid, alg, state (`next`, `active`, `previous`), time from which it signs (epoch seconds)."""
    now = clock.timestamp()
    rows = []
    for p in ring().current():
        state = "next" if p.active_from > now else "active" if active(p.alg).kid == p.kid else "previous"
        rows.append((p.kid, p.alg, state, p.active_from))
    return sorted(rows, key=lambda row: (row[1], row[3]))


def _living() -> list[Any]:
    """Keys to publish; those that were superseded longer than the overlap ago are deleted on the way."""
    now = clock.timestamp()
    with db.engine.connect() as connection:
        rows = list(connection.execute(select(KEYS).where(KEYS.c.retired_at.is_(None)).order_by(KEYS.c.active_from)))
    gone = {row.kid for row in rows if _superseded_at(row, rows, now) < now - OVERLAP}
    if gone:
        with db.engine.begin() as connection:
            connection.execute(delete(KEYS).where(KEYS.c.kid.in_(gone)))
    return [row for row in rows if row.kid not in gone]


def _superseded_at(row: Any, rows: list[Any], now: int) -> int:
    after = [r.active_from for r in rows if r.alg == row.alg and row.active_from < r.active_from <= now]
    return min(after, default=now)


def _first_keys() -> list[Any]:
    now = clock.timestamp()
    for alg in ALGORITHMS:
        try:
            with db.engine.begin() as connection:
                connection.execute(insert(KEYS), _new(alg, 1, now, now))
        except IntegrityError:
            pass  # another worker was first: its key is the one
    return _living()


def _new(alg: str, generation: int, published_at: int, active_from: int) -> dict[str, Any]:
    kid = tokens.random_token(12)
    sealed = sealer().seal(orjson.dumps(_generated(alg).as_dict(private=True)).decode(), f"signing_keys.private:{kid}")
    times = {"published_at": published_at, "active_from": active_from}
    return {"kid": kid, "alg": alg, "generation": generation, "private_sealed": sealed, **times}


def _generated(alg: str) -> Key:
    if alg in ("RS256", "PS256"):
        return RSAKey.generate_key(2048)
    return ECKey.generate_key("P-256") if alg == "ES256" else OKPKey.generate_key("Ed25519")


def _imported(row: Any) -> Published:
    data = orjson.loads(sealer().open(row.private_sealed, f"signing_keys.private:{row.kid}"))
    kind: Any = RSAKey if row.alg in ("RS256", "PS256") else ECKey if row.alg == "ES256" else OKPKey
    return Published(row.kid, row.alg, row.active_from, kind.import_key(data))
