"""The audit trail: who did what, when, from where, in hash-chained rows that nobody can change unseen."""

import re
import threading
from collections.abc import Collection
from ipaddress import ip_address, ip_network
from typing import Any, Literal, cast, get_args

import orjson
import structlog
from flask import Flask, has_request_context
from sqlalchemy import BigInteger, Connection, Index, String, Table, Text, delete, func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from idp.audit import anchor, chain
from idp.audit.chain import BrokenChain, Link
from idp.audit.head import HEAD, HEAD_LIFE, keyed_by, remembered, tell_now_and_then, written
from idp.core import clock, crypto
from idp.storage.database import Model, db
from idp.storage.redis_store import Script, StoreUnavailable, store
from idp.storage.sealing import Unsealable
from idp.storage.unit_of_work import current_unit
from idp.web import metrics, requests

__all__ = [
    "AuditEvent", "BrokenChain", "drain", "drain_all", "drain_forever", "history", "record", "truncated_address",
    "verify",
]  # fmt: skip

log = structlog.get_logger()

Event = Literal[
    "account_created", "account_locked", "account_unlocked", "account_found", "account_deleted", "account_exported",
    "sign_in", "sign_in_failed", "sign_out", "session_ended", "sessions_ended", "second_factor", "second_factor_failed",
    "password_changed", "password_rehashed", "contacts_changed", "contact_verified", "locale_changed", "roles_changed",
    "account_assured", "name_corrected", "limits_cleared",
    "deletion_requested", "deletion_cancelled", "account_held", "account_released", "activity_reported",
    "identity_proved", "identity_refused", "identity_unavailable",
    "registration_started", "registration_finished", "registration_refused",
    "recovery_started", "recovery_weighed", "recovery_finished", "recovery_refused", "recovery_waits", "recovery_vetoed",
    "recovery_affirmed", "recovery_signed", "recovery_decided", "recovery_frozen", "recovery_cancelled", "probation_ended",
    "otp_sent", "otp_right", "otp_wrong", "otp_dead", "otp_surge", "otp_budget_spent",
    "notice_sent", "notice_withheld", "notice_given_up",
    "consent_given", "consent_refused", "grant_revoked", "interaction_cancelled",
    "code_issued", "code_reused", "tokens_issued", "refresh_reused", "token_revoked",
    "authorization_refused", "logout_refused", "backchannel_logout", "logout_notice_failed",
    "client_registered", "client_changed", "client_deleted",
    "keys_rotated", "passkey_added", "passkey_removed", "totp_added", "totp_removed",
    "recovery_codes_made", "device_remembered", "authenticators_suspended", "authenticators_restored", "audit_head_accepted",
]  # fmt: skip
EVENTS = frozenset(get_args(Event))

QUEUE, LOCK = "audit:{audit}:queue", "audit:{audit}:lock"
LOCK_LIFE = 30

REDACTED = "withheld"
# A run of digits inside letters is no number of a person: hexadecimal ids hold such runs now and then.
_PERSONAL = re.compile(r"(?<![0-9A-Za-z_-])\+?\d{9,}(?![0-9A-Za-z_-])|@")

# Rows are read, not taken: they leave the queue once SQL has committed them, so that a crash loses none.
_BATCH = Script("""
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'EX', ARGV[2]) then return false end
return redis.call('LRANGE', KEYS[1], 0, ARGV[3] - 1)
""")

# Only the holder of the lock trims: one who came back late from a pause must not remove what another has not written.
_DONE = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('LTRIM', KEYS[1], ARGV[2], -1)
redis.call('DEL', KEYS[2])
if ARGV[3] ~= '' then redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[4]) end
return 1
""")


class PendingAuditEvent(Model):
    """An event that was committed with the change it tells of, until it is chained to the trail; `event` is its JSON."""

    __tablename__ = "audit_pending"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, index=True)  # milliseconds since 1970
    event: Mapped[str] = mapped_column(Text)


AUDIT_PENDING = cast(Table, PendingAuditEvent.__table__)


class AuditEvent(Model):
    """One event. `position` counts from 1 without gaps; `hash` covers `previous` and all else, facts by digest."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_event_at", "event", "at"),)

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    at: Mapped[int] = mapped_column(BigInteger)  # milliseconds since 1970
    event: Mapped[str] = mapped_column(String(64))
    account: Mapped[str | None] = mapped_column(String(64), index=True)
    client: Mapped[str | None] = mapped_column(String(255))
    reference: Mapped[str | None] = mapped_column(String(32), index=True)
    address: Mapped[str | None] = mapped_column(String(64))  # the network, not the device
    facts: Mapped[str] = mapped_column(Text)  # canonical JSON
    facts_digest: Mapped[str | None] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


def record(event: Event, *, account: str | None = None, client: str | None = None, **facts: str | int | bool | None) -> None:
    """Appends an event to the durable queue; `account` is a subject, `client` a client_id, facts never personal.

    Inside a unit of work the event is part of its transaction: audited if and only if it happened. Elsewhere it raises
    StoreUnavailable: what cannot be recorded is not done (fails closed). Raises ValueError for an unknown
    event. A fact that looks like a NIK, a number or an address is withheld, since rows are kept for years and some
    facts are other people's words. What a person did is told with their browser, so that they know it again.
    """
    if event not in EVENTS:
        raise ValueError(f"{event} is no audit event: add it to idp.audit.Event")
    seen = has_request_context()
    if seen and account is not None and "?" not in requests.device_name():
        facts = {"device": requests.device_name(), **facts}
    row = {
        "id": crypto.random_token(16),
        "at": int(clock.now().timestamp() * 1000),
        "event": event,
        "account": account,
        "client": client,
        "reference": requests.reference() if seen else None,
        "address": truncated_address(requests.client_address()) if seen else None,
        "facts": chain.canonical({name: _redacted(value) for name, value in facts.items()}),
    }
    _keep(row)


def _keep(row: dict[str, Any]) -> None:
    unit = current_unit()
    if unit is None:
        store().push(QUEUE, orjson.dumps(row))
        metrics.count_event(row["event"])
        return
    kept = {"id": row["id"], "at": row["at"], "event": orjson.dumps(row).decode()}
    db.session.execute(insert(AUDIT_PENDING), kept)
    unit.after_commit(lambda: metrics.count_event(row["event"]))


def _redacted(value: str | int | bool | None) -> str | int | bool | None:
    return REDACTED if isinstance(value, str) and _PERSONAL.search(value) else value


def truncated_address(address: str) -> str | None:
    """The /24 or /48 that an address lies in: enough to tell one place from another, too little to name a device."""
    try:
        prefix = 24 if ip_address(address).version == 4 else 48
    except ValueError:
        return None
    return str(ip_network(f"{address}/{prefix}", strict=False))


def history(account: str, events: Collection[str] | None, before: int | None, most: int) -> list[dict[str, Any]]:
    """Up to `most` of an account's events (all kinds if None), newest first, older than position `before`."""
    columns = (AuditEvent.position, AuditEvent.at, AuditEvent.event, AuditEvent.client, AuditEvent.address, AuditEvent.facts)
    wanted = select(*columns).where(AuditEvent.account == account).order_by(AuditEvent.position.desc()).limit(most)
    if events is not None:
        wanted = wanted.where(AuditEvent.event.in_(events))
    if before is not None:
        wanted = wanted.where(AuditEvent.position < before)
    with db.engine.connect() as connection:
        rows = connection.execute(wanted).mappings()
        return [{**row, "facts": orjson.loads(row["facts"])} for row in rows]


def drain(most: int = 500) -> int:
    """Moves up to `most` queued events into SQL; returns how many left the queue, 0 if another worker is at it.

    Raises StoreUnavailable; an SQL failure leaves the events in the queue and is raised too.
    """
    holder = crypto.random_token(16)
    batch = store().run(_BATCH, [QUEUE, LOCK], [holder, LOCK_LIFE, most])
    if batch is None:
        return 0
    moved, left, head = 0, 0, ""
    try:
        head, left = _append([orjson.loads(item) for item in batch], most, remembered())
        moved = len(batch)
    except IntegrityError:
        log.warning("audit_chain_moved_on")  # the lock ran out in a pause and another wrote on: it will be our turn
    finally:
        store().run(_DONE, [QUEUE, LOCK, HEAD], [holder, moved, head, HEAD_LIFE])
    return moved + left


def drain_all() -> int:
    """Drains until the queue is empty or another worker is at it; returns how many rows left the queue."""
    total = 0
    while (moved := drain()) > 0:
        total += moved
    return total


def drain_forever(app: Flask, stop: threading.Event, seconds: float = 1.0) -> threading.Thread:
    """A daemon thread that drains every `seconds` until `stop` is set, then once more; outages only delay it."""

    def body() -> None:
        while not stop.wait(seconds):
            _drain_quietly(app)
        _drain_quietly(app)

    thread = threading.Thread(target=body, name="audit", daemon=True)
    thread.start()
    return thread


def verify(*noted: Link) -> int | BrokenChain:
    """Walks the whole chain, from where retention left its beginning: the number of sound rows, or the first Broken place.

    The head kept in the store, and those `noted` elsewhere, tell when rows at the end were cut off or all were written
    anew, which the chain alone cannot. Raises ValueError for a noted one that is older than what is kept.
    """
    known = (remembered(), *noted)
    try:
        begin = _begin()
        if any(link.position < begin.position for link in noted):
            raise ValueError("that row was removed by retention")
        found = verified_chain(begin, known)
        # Rows that retention removed while we were walking are no break: then the trail begins elsewhere by now.
        if isinstance(found, BrokenChain) and _begin() != begin:
            begin = _begin()
            found = verified_chain(begin, known)
    except Unsealable:
        return BrokenChain(1, "rows at the beginning were removed, and not by us")
    return found if isinstance(found, BrokenChain) else found.position - begin.position


def verified_chain(begin: Link, known: Collection[Link]) -> Link | BrokenChain:
    """The newest row when all after `begin` are as they were written and agree with the `known` ones, else where they break."""
    rows = select(AuditEvent.__table__).order_by(AuditEvent.position).execution_options(yield_per=1000)
    with db.session.execute(rows) as result:  # closed at an early return too: on PostgreSQL it holds a cursor
        return chain.verify_chain(result.mappings(), begin, known, int(clock.now().timestamp() * 1000), keyed_by())


def lost_head() -> Link | None:
    """The head that is remembered, where the row is no more what it was; None when all is well."""
    head = remembered()
    with db.engine.connect() as connection:
        return None if _still_there(connection, head) else head


def _begin() -> Link:
    with db.engine.connect() as connection:
        return anchor.latest(connection)


def _append(rows: list[dict[str, Any]], most: int, known_head: Link) -> tuple[str, int]:
    """Writes what is not yet written, and up to `most` of what changes have left in SQL.

    Returns the new head, `position:hash`, or "" where it must not move, and how many rows changes had left. The head
    moves only from a row that is still there as it was: over a cut tail, or a chain that was written anew, the old head
    stays, so that `verify` finds it however many events follow. Recording goes on.
    """
    with db.engine.begin() as connection:
        kept = connection.execute(select(AUDIT_PENDING).order_by(AUDIT_PENDING.c.at).limit(most)).all()
        rows = sorted([*rows, *(orjson.loads(row.event) for row in kept)], key=lambda row: row["at"])
        if not rows:
            return "", 0
        sound = _still_there(connection, known_head)
        known = set(connection.scalars(select(AuditEvent.id).where(AuditEvent.id.in_([row["id"] for row in rows]))))
        fresh = chain.chained([row for row in rows if row["id"] not in known], _head(connection), keyed_by())
        connection.execute(delete(AUDIT_PENDING).where(AUDIT_PENDING.c.id.in_([row.id for row in kept])))
        if not fresh:
            return "", len(kept)
        connection.execute(insert(AuditEvent), fresh)
    if not sound:
        log.error("audit_head_mismatch", position=known_head.position, hash=known_head.hash)
        return "", len(kept)
    newest = Link(fresh[-1]["position"], fresh[-1]["hash"])
    tell_now_and_then(newest)
    return written(newest), len(kept)


def _still_there(connection: Connection, known_head: Link) -> bool:
    if known_head.position <= anchor.latest(connection).position:
        return True  # nothing is remembered, or what is was removed by retention
    there = select(AuditEvent.hash).where(AuditEvent.position == known_head.position)
    return connection.scalar(there) == known_head.hash


def _head(connection: Connection) -> Link:
    last = select(func.max(AuditEvent.position)).scalar_subquery()
    row = connection.execute(select(AuditEvent.position, AuditEvent.hash).where(AuditEvent.position == last)).first()
    return Link(row.position, row.hash) if row else Link()


def _drain_quietly(app: Flask) -> None:
    with app.app_context():
        try:
            drain_all()
        except (StoreUnavailable, SQLAlchemyError) as outage:
            log.warning("audit_waits", kind=type(outage).__name__)
        except Exception:
            # Whatever it was, the thread goes on: else the trail would stop for good, and nobody would hear of it.
            log.exception("audit_waits", kind="unforeseen")
