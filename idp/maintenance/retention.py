"""What is kept how long, in one table, and the job that removes what is past its time: idempotent, in small steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from idp import accounts
from idp.accounts import Contact
from idp.audit import retention
from idp.authenticators import remembered_devices
from idp.core import clock
from idp.oidc.tokens import refresh_tokens
from idp.oidc.tokens.refresh_tokens import REFRESH_FAMILIES
from idp.probation import Recovery, State
from idp.sessions.known_devices import DEVICES
from idp.storage.database import db
from idp.storage.outbox import OUTBOX
from idp.storage.redis_store import store

log = structlog.get_logger()

DAY = 86400
BATCH = 1000
MARK, MARK_LIFE = "retention:begun", DAY - 600  # seconds

CONTACTS, RECOVERIES = cast(Table, Contact.__table__), cast(Table, Recovery.__table__)


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """One kind of record: for how long, in words, and how at most so many of those past their time are removed."""

    name: str
    time: str
    remove: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the job is with one kind: `removed` so far; `done` when none is left; `failed` by the type of what came up."""

    kept: RetentionRule
    removed: int
    done: bool = False
    failed: str | None = None


def run() -> Iterator[Progress]:
    """Removes everything that is past its time, a batch at a time, each batch in a transaction of its own.

    It can be interrupted anywhere and run again, also by several at once. A kind that fails is told and keeps no
    other from its turn.
    """
    for kept in POLICY:
        yield from _clear(kept)


def run_daily() -> None:
    """The same as a chore: by one worker of all, once a day; what failed is logged and tried again in an hour."""
    if not store().put_if_absent(MARK, "1", MARK_LIFE):
        return
    for progress in run():
        if progress.failed:
            store().drop(MARK)
        if progress.done or progress.failed:
            log.info("retention", kind=progress.kept.name, removed=progress.removed, failed=progress.failed)


def _clear(kept: RetentionRule) -> Iterator[Progress]:
    removed = 0
    try:
        while batch := kept.remove(BATCH):
            removed += batch
            yield Progress(kept, removed)
    except Exception as problem:
        yield Progress(kept, removed, failed=type(problem).__name__)
        return
    yield Progress(kept, removed, done=True)


def _delete_where(table: Table, which: Callable[[int], ColumnElement[bool]]) -> Callable[[int], int]:
    """Removes rows of the table that `which` chooses, given the time now."""
    key: Any = tuple_(*table.primary_key.columns)

    def remove(most: int) -> int:
        old = select(*table.primary_key.columns).where(which(clock.timestamp())).limit(most)
        with db.engine.begin() as connection:
            return connection.execute(delete(table).where(key.in_(old))).rowcount

    return remove


def _replaced(now: int) -> ColumnElement[bool]:
    # Officers who still have to decide about a recovery may have to restore them.
    undecided = select(RECOVERIES.c.subject).where(RECOVERIES.c.state == State.DISPUTED)
    return (CONTACTS.c.superseded_at < now - 30 * DAY) & CONTACTS.c.subject.not_in(undecided)


def _old_recoveries(now: int) -> ColumnElement[bool]:
    # By then every wait, every veto and every limit that looks back at it is over.
    return (RECOVERIES.c.started_at < now - 60 * DAY) & (RECOVERIES.c.state != State.DISPUTED)


POLICY = (
    RetentionRule(
        "messages to people and services", "30 days", _delete_where(OUTBOX, lambda now: OUTBOX.c.created_at < now - 30 * DAY)
    ),
    RetentionRule("refresh tokens", "until they expire", lambda most: refresh_tokens.sweep()),
    RetentionRule(
        "revoked refresh tokens",
        "30 days",
        _delete_where(REFRESH_FAMILIES, lambda now: REFRESH_FAMILIES.c.revoked_at < now - 30 * DAY),
    ),
    RetentionRule("contacts that were replaced", "30 days", _delete_where(CONTACTS, _replaced)),
    RetentionRule("recoveries by identity", "60 days", _delete_where(RECOVERIES, _old_recoveries)),
    RetentionRule("browsers without second factor", "30 days", lambda most: remembered_devices.delete_expired()),
    RetentionRule("browsers not seen again", "400 days", _delete_where(DEVICES, lambda now: DEVICES.c.seen_at < now - 400 * DAY)),
    RetentionRule("what the civil registry was asked", "1 year", retention.erase_registry_facts),
    RetentionRule("accounts to be deleted", "14 days, or as `IDP_DELETION_DAYS` says", accounts.erase_due),
    RetentionRule("audit events", "18 months", retention.prune),
)
