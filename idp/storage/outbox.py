"""The durable outbox: one row for each message to one recipient, claimed by one worker at a time, tried until it arrives.

A row is written in the transaction of what it tells about, so that no crash loses it, and is delivered at least once.
What a kind of message says, to whom and how, is plugged in by a table (see `init_app`); everything else is the same for all.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import structlog
from flask import Flask, current_app
from sqlalchemy import BigInteger, Index, String, Table, Text, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.core import background, clock, crypto
from idp.storage.database import Model, db
from idp.storage.sealing import Unsealable, sealer
from idp.storage.unit_of_work import current_unit, transaction

log = structlog.get_logger()

PENDING, SENT, WITHHELD, GIVEN_UP = "pending", "sent", "withheld", "given_up"
BATCH = 100
NEVER = 253_402_300_799  # the end of the year 9999: settled rows lie beyond what is looked for every few seconds


class OutboxMessage(Model):
    """One message to one recipient; `state` is pending, sent, withheld (not to be sent after all) or given_up."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_state_created_at", "state", "created_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), doc="Which entry of the table of kinds delivers it.")
    about: Mapped[str] = mapped_column(String(64), doc="What it tells: the kind of a notice, the session of a logout.")
    destination: Mapped[str] = mapped_column(String(255), doc="sms, mail, or a client_id.")
    account: Mapped[str | None] = mapped_column(String(64), index=True, doc="Subject; unknown for some notices.")
    message_sealed: Mapped[str] = mapped_column(Text, doc="Recipient and words; emptied when the row is settled.")
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger, index=True)
    next_at: Mapped[int] = mapped_column(BigInteger, index=True)
    last_answer: Mapped[str | None] = mapped_column(Text, doc="How the last attempt ended, for operators.")


OUTBOX = cast(Table, OutboxMessage.__table__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be kept; `body` is sealed."""

    about: str
    destination: str
    account: str | None = None
    body: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A row that is this worker's until its lease is over, opened; `attempt` counts from 1, times are epoch seconds."""

    id: str
    kind: str
    about: str
    destination: str
    account: str | None
    attempt: int
    created_at: int
    last_answer: str
    body: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: PENDING asks for another one, which is `counted` unless it never began; `answer` is for operators."""

    state: str
    answer: str
    counted: bool = True


@dataclass(frozen=True, slots=True)
class MessageKind:
    """One kind of message. Times are seconds.

    `lease` is how long one worker has for an attempt, longer than any attempt takes. `back_off` is the wait before the
    next attempt; its last value repeats until `give_up_after`, or not at all when that is 0: then the attempt after the
    last wait was the last one. With `in_order`, messages that were kept together are delivered one after the other.
    `settled` hears how a message ended, once its row says so.
    """

    name: str
    deliver: Callable[[ClaimedMessage], Outcome]
    lease: int
    back_off: tuple[int, ...]
    give_up_after: int = 0
    in_order: bool = False
    settled: Callable[[ClaimedMessage, Outcome], object] = lambda message, outcome: None

    def is_over(self, message: ClaimedMessage) -> bool:
        """Whether it is no use trying any more."""
        if self.give_up_after:
            return clock.timestamp() - message.created_at >= self.give_up_after
        return message.attempt > len(self.back_off) + 1

    def last_attempt_failed(self, attempts: int) -> bool:
        """Whether so many attempts that failed were all there are."""
        return not self.give_up_after and attempts > len(self.back_off)


def init_app(app: Flask, kinds: Iterable[MessageKind]) -> None:
    """Plugs in the kinds of messages."""
    app.extensions["idp.storage.outbox"] = {kind.name: kind for kind in kinds}


def enqueue(kind: str, drafts: Iterable[Draft]) -> list[str]:
    """Keeps messages, and returns their ids for `send`; from then on no crash loses them.

    Inside a unit of work they belong to its transaction: change and messages are committed together or not at all.
    Raises what SQLAlchemy raises.
    """
    rows = [_row(kind, draft) for draft in drafts]
    if not rows:
        return []
    with transaction() as connection:
        connection.execute(insert(OUTBOX), rows)
    return [row["id"] for row in rows]


def post(kind: str, drafts: Iterable[Draft]) -> None:
    """Keeps messages and has them delivered at once, behind the answer; inside a unit of work, after its commit."""
    ids, unit = enqueue(kind, drafts), current_unit()
    if unit is None:
        send(kind, ids)
    elif ids:
        unit.after_commit(lambda: send(kind, ids))


def send(kind: str, ids: Sequence[str]) -> None:
    """Delivers what was kept, in the background, each by itself: a slow recipient holds up no other."""
    together = [tuple(ids)] if _kind(kind).in_order and ids else [(message_id,) for message_id in ids]
    try:
        for group in together:
            background.start(_deliver_each, group)
    except RuntimeError:
        # This process is shutting down: the change is made and its messages are kept, so that another one sends them.
        log.info("messages_left_to_others")


def deliver_due(kind: str) -> int:
    """Delivers what is due, also what a worker left behind when it died; how many were looked at."""
    ids = due_ids(kind)
    if _kind(kind).in_order:
        _deliver_each(ids)
    else:
        wait([background.start(deliver, message_id) for message_id in ids])
    return len(ids)


def due_ids(kind: str) -> list[str]:
    """Ids whose time has come; oldest first, a batch at most."""
    due = (OUTBOX.c.kind == kind) & (OUTBOX.c.state == PENDING) & (OUTBOX.c.next_at <= clock.timestamp())
    with db.engine.connect() as connection:
        return list(connection.scalars(select(OUTBOX.c.id).where(due).order_by(OUTBOX.c.next_at).limit(BATCH)))


def deliver(message_id: str) -> bool:
    """Makes one attempt, if the row is still to be claimed; whether it was."""
    try:
        claimed = claim(message_id)
    except Unsealable:
        log.error("message_unreadable", message=message_id)  # its key was taken out of the ring too early
        settle(message_id, GIVEN_UP, "unreadable")
        return False
    if claimed is None:
        return False
    kind = _kind(claimed.kind)
    if kind.is_over(claimed):
        _settle(kind, claimed, Outcome(GIVEN_UP, claimed.last_answer or "too late"))
    else:
        _note(kind, claimed, _attempt(kind, claimed))
    return True


def claim(message_id: str) -> ClaimedMessage | None:
    """The row, if it is due and nobody else's: one compare-and-set, so that two workers never send the same message.

    Whoever claims and dies leaves it due again when the lease is over. Raises Unsealable when its key is gone.
    """
    now = clock.timestamp()
    with db.engine.begin() as connection:
        kind = connection.scalar(select(OUTBOX.c.kind).where(OUTBOX.c.id == message_id))
        if kind is None:
            return None
        mine = (
            update(OUTBOX)
            .where(OUTBOX.c.id == message_id, OUTBOX.c.state == PENDING, OUTBOX.c.next_at <= now)
            .values(next_at=now + _kind(kind).lease, attempts=OUTBOX.c.attempts + 1)
            .returning(OUTBOX)
        )
        row = connection.execute(mine).first()
    return None if row is None else _opened(row)


def settle(message_id: str, state: str, answer: str) -> None:
    """Ends a row; what it said is forgotten at once, since a link in it may grant something."""
    _set(message_id, state=state, last_answer=answer[:200], next_at=NEVER, message_sealed="")


def postpone(claimed: ClaimedMessage, answer: str, *, counted: bool = True) -> None:
    """Lets it be tried again later; an attempt that never began is not `counted`."""
    attempts = claimed.attempt if counted else claimed.attempt - 1
    back_off = _kind(claimed.kind).back_off
    later = clock.timestamp() + back_off[min(max(attempts, 1), len(back_off)) - 1]
    _set(claimed.id, attempts=attempts, last_answer=answer[:200], next_at=later)


def erase(account: str) -> None:
    """Removes every message about an account, delivered or not, within the unit of work that is open."""
    db.session.execute(delete(OUTBOX).where(OUTBOX.c.account == account))


def new_id() -> str:
    """A fresh id, which gateways see as our reference of the message."""
    return crypto.random_token(16)


def _deliver_each(ids: Iterable[str]) -> None:
    for message_id in ids:
        deliver(message_id)


def _attempt(kind: MessageKind, claimed: ClaimedMessage) -> Outcome:
    try:
        return kind.deliver(claimed)
    except Exception as unforeseen:  # must neither stop the others nor be tried again as soon as the lease is over
        log.error("message_not_delivered", kind=claimed.kind, about=claimed.about, reason=type(unforeseen).__name__)
        return Outcome(PENDING, type(unforeseen).__name__)


def _note(kind: MessageKind, claimed: ClaimedMessage, outcome: Outcome) -> None:
    if outcome.state != PENDING:
        _settle(kind, claimed, outcome)
    elif outcome.counted and kind.last_attempt_failed(claimed.attempt):
        _settle(kind, claimed, Outcome(GIVEN_UP, outcome.answer))
    else:
        postpone(claimed, outcome.answer, counted=outcome.counted)


def _settle(kind: MessageKind, claimed: ClaimedMessage, outcome: Outcome) -> None:
    # The row first: what fails afterwards must not let the message be sent again.
    settle(claimed.id, outcome.state, outcome.answer)
    kind.settled(claimed, outcome)


def _kind(name: str) -> MessageKind:
    return cast("dict[str, MessageKind]", current_app.extensions["idp.storage.outbox"])[name]


def _row(kind: str, draft: Draft) -> dict[str, Any]:
    message_id, now = new_id(), clock.timestamp()
    body = sealer().seal(orjson.dumps(draft.body).decode(), _context(message_id)) if draft.body else ""
    named = {"kind": kind, "about": draft.about, "destination": draft.destination, "account": draft.account}
    state = {"state": PENDING, "attempts": 0, "created_at": now, "next_at": now}
    return {"id": message_id, "message_sealed": body, **named, **state}


def _opened(row: Any) -> ClaimedMessage:
    body = orjson.loads(sealer().open(row.message_sealed, _context(row.id))) if row.message_sealed else {}
    known = row.id, row.kind, row.about, row.destination, row.account, row.attempts, row.created_at, row.last_answer or ""
    return ClaimedMessage(*known, body)


def _set(message_id: str, **values: Any) -> None:
    # Only while it is pending: whoever came back late from a pause does not reopen what another has settled.
    mine = update(OUTBOX).where(OUTBOX.c.id == message_id, OUTBOX.c.state == PENDING)
    with db.engine.begin() as connection:
        connection.execute(mine.values(**values))


def _context(message_id: str) -> str:
    # The table's first name: messages that waited when the two outboxes became one are bound to it.
    return f"notice_deliveries.message:{message_id}"
