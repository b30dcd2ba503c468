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
from idp.core import clock, lifetimes
from idp.core.lifetimes import Lifetime
from idp.oidc.tokens import refresh_tokens
from idp.oidc.tokens.refresh_tokens import REFRESH_FAMILIES, REFRESH_TOKENS
from idp.probation import Recovery, State
from idp.sessions.known_devices import DEVICES
from idp.storage.database import db
from idp.storage.endings import ENDINGS
from idp.storage.outbox import OUTBOX
from idp.storage.redis_store import store

log = structlog.get_logger()

BATCH = 1000
MARK, MARK_LIFE = "retention:begun", 23 * 3600 + 3000  # seconds: a little less than a day

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
    return (CONTACTS.c.superseded_at < now - lifetimes.REPLACED_CONTACTS_KEPT.seconds) & CONTACTS.c.subject.not_in(undecided)


def _expired_tokens(now: int) -> ColumnElement[bool]:
    return REFRESH_TOKENS.c.expires_at < now


def _old_recoveries(now: int) -> ColumnElement[bool]:
    # By then every wait, every veto and every limit that looks back at it is over.
    return (RECOVERIES.c.started_at < now - lifetimes.RECOVERIES_KEPT.seconds) & (RECOVERIES.c.state != State.DISPUTED)


def _older(table: Table, column: str, kept: Lifetime) -> RetentionRule:
    """Rows whose time in `column` lies further back than they are kept."""
    return _rule(kept, _delete_where(table, lambda now: table.c[column] < now - kept.seconds))


def _rule(kept: Lifetime, remove: Callable[[int], int]) -> RetentionRule:
    return RetentionRule(kept.name, kept.in_words, remove)


POLICY = (
    _older(OUTBOX, "created_at", lifetimes.MESSAGES_KEPT),
    _older(ENDINGS, "ended_at", lifetimes.ENDINGS_KEPT),
    # Of a sign-in that goes on each rotated token is kept as long as a thief could still show it, and no longer.
    RetentionRule("rotated refresh tokens", "until they expire", _delete_where(REFRESH_TOKENS, _expired_tokens)),
    RetentionRule("refresh tokens", "until they expire", lambda most: refresh_tokens.sweep()),
    _older(REFRESH_FAMILIES, "revoked_at", lifetimes.REVOKED_TOKENS_KEPT),
    _rule(lifetimes.REPLACED_CONTACTS_KEPT, _delete_where(CONTACTS, _replaced)),
    _rule(lifetimes.RECOVERIES_KEPT, _delete_where(RECOVERIES, _old_recoveries)),
    RetentionRule(
        "browsers without second factor", lifetimes.REMEMBERED_DEVICE.in_words, lambda most: remembered_devices.delete_expired()
    ),
    RetentionRule(
        "browsers not seen again",
        lifetimes.KNOWN_DEVICE.in_words,
        _delete_where(DEVICES, lambda now: DEVICES.c.seen_at < now - lifetimes.KNOWN_DEVICE.seconds),
    ),
    _rule(lifetimes.REGISTRY_FACTS_KEPT, retention.erase_registry_facts),
    RetentionRule("accounts to be deleted", lifetimes.DELETION.in_words, accounts.erase_due),
    _rule(lifetimes.AUDIT_KEPT, retention.prune),
)
