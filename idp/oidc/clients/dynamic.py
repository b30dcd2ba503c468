"""Clients that registered themselves: kept in SQL, found like those of the file."""

import math
import re
from functools import lru_cache
from typing import Any, cast

import orjson
from sqlalchemy import BigInteger, Connection, String, Table, Text, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.core import clock, crypto
from idp.oidc.clients.client import Client
from idp.storage.database import Model, db
from idp.storage.sealing import sealer

PREFIX = "dyn-"
ORIGINS_EVERY = 5.0  # seconds
WITH_ORIGINS = '"cors_origins":["'  # in an entry as it is written
_origins: tuple[float, frozenset[str]] = (-math.inf, frozenset())
# Only what we could have given out is looked for in SQL: unknown ids cost nothing, and PostgreSQL takes no NUL in a text.
ISSUED_CLIENT_ID = re.compile(PREFIX + r"[A-Za-z0-9_-]{24}")


class DynamicClient(Model):
    """One client: what it said of itself, its sealed secret, the digest of the token that manages it."""

    __tablename__ = "dynamic_clients"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    entry: Mapped[str] = mapped_column(Text, doc="The client's entry as JSON.")
    secret_sealed: Mapped[str] = mapped_column(Text, doc="Empty for a client without a secret.")
    management_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)


DYNAMIC_CLIENTS = cast(Table, DynamicClient.__table__)


def new_id() -> str:
    return PREFIX + crypto.random_token(18)


def find(client_id: str) -> Client | None:
    """The client that registered under this id, as it is now; None when there is none."""
    row = _row(client_id)
    return None if row is None else _client(client_id, row.entry, secret_of(row))


def page_origins() -> frozenset[str]:
    """The origins of all pages without a server that registered themselves, as they were at most some seconds ago.

    A preflight names no client: for strangers' preflights the table is read once in that time, not once for each.
    """
    global _origins
    if clock.monotonic() - _origins[0] > ORIGINS_EVERY:
        wanted = select(DYNAMIC_CLIENTS.c.entry).where(DYNAMIC_CLIENTS.c.entry.contains(WITH_ORIGINS, autoescape=True))
        with db.engine.connect() as connection:
            entries = [orjson.loads(entry) for entry in connection.scalars(wanted)]
        _origins = (clock.monotonic(), frozenset(origin for entry in entries for origin in entry["cors_origins"]))
    return _origins[1]


def _forget_origins() -> None:
    global _origins
    _origins = (-math.inf, frozenset())


def find_managed(client_id: str, token: str) -> Any:
    """The row of the client that this token manages (RFC 7592 section 2); None for a wrong one. In constant time."""
    row = _row(client_id)
    digest = row.management_digest if row is not None else crypto.digest("nobody")
    return row if crypto.constant_time_equal(crypto.digest(token), digest) else None


def add(client: Client, secret: str | None, token: str) -> int:
    """Keeps a new client; when, in epoch seconds."""
    now = clock.timestamp()
    row = {
        "client_id": client.client_id,
        "entry": _written(client),
        "secret_sealed": sealer().seal(secret, _context(client.client_id)) if secret else "",
        "management_digest": crypto.digest(token),
        "created_at": now,
    }
    with db.engine.begin() as connection:
        connection.execute(insert(DYNAMIC_CLIENTS), row)
    _forget_origins()
    return now


def replace(client: Client) -> None:
    """Puts a new entry in place of the old one; the secret stays."""
    with db.engine.begin() as connection:
        connection.execute(
            update(DYNAMIC_CLIENTS).where(DYNAMIC_CLIENTS.c.client_id == client.client_id).values(entry=_written(client))
        )
    _forget_origins()


def remove(connection: Connection, client_id: str) -> None:
    """Forgets the client, within this transaction: nobody is found from now on who could present its tokens."""
    connection.execute(delete(DYNAMIC_CLIENTS).where(DYNAMIC_CLIENTS.c.client_id == client_id))


def secret_of(row: Any) -> str | None:
    """The plain secret, which client_secret_jwt and answers to the client itself need."""
    return sealer().open(row.secret_sealed, _context(row.client_id)) if row.secret_sealed else None


def _row(client_id: str) -> Any:
    if not ISSUED_CLIENT_ID.fullmatch(client_id):
        return None
    with db.engine.connect() as connection:
        return connection.execute(select(DYNAMIC_CLIENTS).where(DYNAMIC_CLIENTS.c.client_id == client_id)).one_or_none()


@lru_cache(maxsize=1024)
def _client(client_id: str, entry: str, secret: str | None) -> Client:
    # By its text: reading keys out of an entry costs more than SQL does, and a changed entry is another text.
    return Client.model_validate(orjson.loads(entry)).with_secret(secret)


def _written(client: Client) -> str:
    return orjson.dumps(client.model_dump(mode="json", exclude_none=True, exclude={"sector"})).decode()


def _context(client_id: str) -> str:
    return f"dynamic_clients.secret:{client_id}"
