"""Sealing everything anew after a rotation: with the key that writes now, a row at a time, while people go on working."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Table, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from idp.storage.database import db
from idp.storage.redis_store import store
from idp.storage.sealing import Unsealable, sealer

log = structlog.get_logger()

BATCH = 200
MARK_LIFE = 366 * 86400  # seconds


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed text; `context` names a row's place as its owner does; `index` is found again by its blind index."""

    table: str
    column: str
    context: Callable[[Any], str]
    index: str | None = None
    purpose: Callable[[Any], str] = lambda row: ""

    @property
    def name(self) -> str:
        """The table and column, as operators read them."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one column is: rows `sealed` anew of `total`; `stuck` ones could not be opened or indexed."""

    name: str
    sealed: int
    stuck: int
    total: int


COLUMNS = (
    SealedColumn("accounts", "nik_sealed", lambda row: f"accounts.nik:{row.subject}", "nik_index", lambda row: "nik"),
    SealedColumn("accounts", "name_sealed", lambda row: f"accounts.name:{row.subject}"),
    SealedColumn("contacts", "value_sealed", lambda row: f"contacts.value:{row.subject}", "value_index", lambda row: row.kind),
    SealedColumn("authenticators", "secret", lambda row: f"authenticators.secret:{row.id}"),
    SealedColumn("dynamic_clients", "secret_sealed", lambda row: f"dynamic_clients.secret:{row.client_id}"),
    SealedColumn("signing_keys", "private_sealed", lambda row: f"signing_keys.private:{row.kid}"),
    SealedColumn("outbox", "message_sealed", lambda row: f"notice_deliveries.message:{row.id}"),
    SealedColumn("recoveries", "contacts_sealed", lambda row: f"recoveries.contacts:{row.id}"),
    SealedColumn("audit_anchors", "link_sealed", lambda row: f"audit_anchors.link:{row.position}"),
)

# Blind indexes of what is not kept itself: they cannot be made anew, and the old key reads until the last row is gone.
ONLY_INDEXED = (
    ("authenticators", "lookup"),
    ("recoveries", "nik_index"),
    ("recoveries", "phone_index"),
    ("recoveries", "email_index"),
    ("recoveries", "device_index"),
    ("recoveries", "address_index"),
    ("veto_links", "contact_index"),
)


def run() -> Iterator[Progress]:
    """Seals anew whatever another key sealed or indexed; can be interrupted anywhere, and run by several at once."""
    for sealed in COLUMNS:
        yield from _renew(sealed)


def run_after_rotation() -> None:
    """The same as a chore, after each rotation once; an operator's run shows more."""
    mark = f"resealed:{sealer().sealing.current}:{sealer().blind.current}"
    if not store().put_if_absent(mark, "1", MARK_LIFE):
        return
    done = False
    try:
        done = not sum(progress.stuck for progress in run())
    finally:
        if not done:
            store().drop(mark)  # tried again in an hour


def rows_needing_key(ring: str, key_id: str) -> dict[str, int]:
    """How many rows of each column only this key of the ring `sealing`, `index` or `pepper` opens or finds."""
    found = {
        f"{table}.{column}": _count(_table(table), _begins(_table(table).c[column], key_id, "$" if ring == "pepper" else "."))
        for table, column in _columns_of(ring)
    }
    return {name: number for name, number in found.items() if number}


def _columns_of(ring: str) -> list[tuple[str, str]]:
    if ring == "pepper":
        return [("accounts", "password_hash"), ("recoveries", "old_password_hash")]
    if ring == "sealing":
        return [(sealed.table, sealed.column) for sealed in COLUMNS]
    return [(sealed.table, sealed.index) for sealed in COLUMNS if sealed.index] + list(ONLY_INDEXED)


def _renew(sealed: SealedColumn) -> Iterator[Progress]:
    table = _table(sealed.table)
    key = table.primary_key.columns.values()[0]
    total, done, stuck, last = _count(table, _outdated(table, sealed)), 0, 0, None
    while rows := _batch(table, sealed, key, last):
        for row in rows:
            renewed = _renew_row(table, sealed, key, row)
            done, stuck = done + renewed, stuck + (not renewed)
        last = rows[-1].row_key
        yield Progress(sealed.name, done, stuck, total)
    yield Progress(sealed.name, done, stuck, total)


def _batch(table: Table, sealed: SealedColumn, key: Any, last: Any) -> list[Any]:
    wanted = select(key.label("row_key"), table).where(_outdated(table, sealed)).order_by(key).limit(BATCH)
    with db.engine.connect() as connection:
        return list(connection.execute(wanted if last is None else wanted.where(key > last)))


def _renew_row(table: Table, sealed: SealedColumn, key: Any, row: Any) -> bool:
    old = getattr(row, sealed.column)
    try:
        text = sealer().open(old, sealed.context(row))
        values = {sealed.column: sealer().seal(text, sealed.context(row))}
        if sealed.index:
            values[sealed.index] = sealer().index(text, sealed.purpose(row))
        with db.engine.begin() as connection:
            # Only over what was read: what somebody changed meanwhile was sealed with the new key by them.
            connection.execute(update(table).where(key == row.row_key, table.c[sealed.column] == old).values(values))
    except (Unsealable, IntegrityError) as problem:
        log.error("row_not_resealed", column=sealed.name, kind=type(problem).__name__)
        return False
    return True


def _outdated(table: Table, sealed: SealedColumn) -> ColumnElement[bool]:
    column = table.c[sealed.column]
    old = ~_begins(column, sealer().sealing.current)
    if sealed.index:
        old = or_(old, ~_begins(table.c[sealed.index], sealer().blind.current))
    # What looks unlike a key id and a dot is no sealed text: settled notices are empty, passkeys keep public keys.
    readable = or_(*(_begins(column, key_id) for key_id in sealer().sealing.keys))
    return and_(readable, old)


def _begins(column: Any, key_id: str, mark: str = ".") -> ColumnElement[bool]:
    prefix = key_id + mark
    return func.substr(column, 1, len(prefix)) == prefix


def _count(table: Table, which: ColumnElement[bool]) -> int:
    with db.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(which)) or 0


def _table(name: str) -> Table:
    return db.metadata.tables[name]
