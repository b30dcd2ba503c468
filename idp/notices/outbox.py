"""The durable outbox of notices: one row for each message to one contact, claimed by one worker at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from sqlalchemy import BigInteger, Connection, String, Table, Text, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.core import clock, crypto
from idp.core.values import ContactValue, contact_of_channel
from idp.notices.texts import Notice
from idp.storage.database import Model, db
from idp.storage.sealing import sealer

PENDING, SENT, WITHHELD, GIVEN_UP = "pending", "sent", "withheld", "given_up"
LEASE = 120  # seconds that one worker has for an attempt; longer than every gateway in the order of failover takes
BACK_OFF = (60, 300, 900, 3600, 2 * 3600, 4 * 3600, 8 * 3600)  # seconds before the next attempt; the last one repeats
GIVE_UP_AFTER = 72 * 3600  # seconds; later than that a warning helps nobody
BATCH = 100
NEVER = 253_402_300_799  # the end of the year 9999: settled rows lie beyond what is looked for every few seconds


class NoticeDelivery(Model):
    """One message to one contact; `state` is pending, sent, withheld (too many of a kind) or given_up."""

    __tablename__ = "notice_deliveries"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(8), doc="sms or mail.")
    account: Mapped[str | None] = mapped_column(String(64), index=True, doc="Subject; unknown for some notices.")
    message_sealed: Mapped[str] = mapped_column(Text, doc="Recipient and words; emptied when the row is settled.")
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger, index=True)
    next_at: Mapped[int] = mapped_column(BigInteger, index=True)
    last_answer: Mapped[str | None] = mapped_column(Text, doc="How the last attempt ended, for operators.")


DELIVERIES = cast(Table, NoticeDelivery.__table__)


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A row that is this worker's for LEASE seconds, opened; `attempt` counts from 1."""

    id: str
    account: str | None
    attempt: int
    created_at: int
    last_answer: str
    contact: ContactValue = field(repr=False)
    notice: Notice = field(repr=False)

    @property
    def too_old(self) -> bool:
        """Whether it is no use trying any more."""
        return clock.timestamp() - self.created_at >= GIVE_UP_AFTER


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of one message: `id` is the gateway's reference, `channel` sms or mail."""

    id: str
    channel: str
    state: str
    last_answer: str


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """So many messages of a channel stand like this, with this last answer."""

    channel: str
    state: str
    last_answer: str
    number: int


def enqueue(
    contacts: Iterable[ContactValue],
    notice: Notice,
    account: str | None = None,
    connection: Connection | None = None,
) -> list[str]:
    """Keeps the notice for each contact and returns the rows' ids, for `send`; from then on no crash loses it.

    With `connection` (such as `db.session.connection()`) the rows belong to the caller's transaction: change and notice
    are committed together or not at all. Raises what SQLAlchemy raises.
    """
    return enqueue_each([(contact, notice) for contact in contacts], account, connection)


def enqueue_each(
    messages: Iterable[tuple[ContactValue, Notice]],
    account: str | None = None,
    connection: Connection | None = None,
) -> list[str]:
    """As `write`, each contact with a notice of its own."""
    rows = [_row(contact, notice, account) for contact, notice in messages]
    if not rows:
        return []
    if connection is not None:
        connection.execute(insert(DELIVERIES), rows)
        return [row["id"] for row in rows]
    with db.engine.begin() as own:
        own.execute(insert(DELIVERIES), rows)
    return [row["id"] for row in rows]


def due_ids() -> list[str]:
    """Ids whose time has come, also of those that a worker left behind when it died; oldest first, a batch at most."""
    wanted = select(DELIVERIES.c.id).where(DELIVERIES.c.state == PENDING, DELIVERIES.c.next_at <= clock.timestamp())
    with db.engine.connect() as connection:
        return list(connection.scalars(wanted.order_by(DELIVERIES.c.next_at).limit(BATCH)))


def claim(delivery_id: str) -> ClaimedDelivery | None:
    """The row, if it is due and nobody else's: one compare-and-set, so that two workers never send the same message.

    Whoever claims and dies leaves it due again after LEASE seconds. Raises Unsealable when its key is gone.
    """
    now = clock.timestamp()
    mine = (
        update(DELIVERIES)
        .where(DELIVERIES.c.id == delivery_id, DELIVERIES.c.state == PENDING, DELIVERIES.c.next_at <= now)
        .values(next_at=now + LEASE, attempts=DELIVERIES.c.attempts + 1)
        .returning(DELIVERIES)
    )
    with db.engine.begin() as connection:
        row = connection.execute(mine).first()
    return None if row is None else _opened(row)


def finish(delivery_id: str, state: str, answer: str) -> None:
    """Ends a row; what it said is forgotten at once, since a link in it may grant something."""
    _set(delivery_id, state=state, last_answer=answer[:200], next_at=NEVER, message_sealed="")


def postpone(claimed: ClaimedDelivery, answer: str, *, counted: bool = True) -> None:
    """Lets it be tried again later; an attempt that never began is not `counted`."""
    attempts = claimed.attempt if counted else claimed.attempt - 1
    wait = BACK_OFF[min(max(attempts, 1), len(BACK_OFF)) - 1]
    _set(claimed.id, attempts=attempts, last_answer=answer[:200], next_at=clock.timestamp() + wait)


def delivery_outcomes(account: str, kind: str, since: int) -> list[DeliveryOutcome]:
    """What became of this account's notices of a kind, from `since` (epoch seconds) on."""
    wanted = select(DELIVERIES.c.id, DELIVERIES.c.channel, DELIVERIES.c.state, DELIVERIES.c.last_answer).where(
        DELIVERIES.c.account == account, DELIVERIES.c.kind == kind, DELIVERIES.c.created_at >= since
    )
    with db.engine.connect() as connection:
        return [DeliveryOutcome(row.id, row.channel, row.state, row.last_answer or "") for row in connection.execute(wanted)]


def delivery_counts(since: int) -> list[DeliveryCount]:
    """How the notices written from `since` (epoch seconds) on fare, for operators."""
    columns = (DELIVERIES.c.channel, DELIVERIES.c.state, func.coalesce(DELIVERIES.c.last_answer, ""))
    wanted = select(*columns, func.count()).where(DELIVERIES.c.created_at >= since).group_by(*columns).order_by(*columns)
    with db.engine.connect() as connection:
        return [DeliveryCount(*row) for row in connection.execute(wanted)]


def of_account(account: str) -> list[dict[str, Any]]:
    """Every message to an account's contacts that is still known: kind, channel, state, created_at; newest first."""
    columns = (DELIVERIES.c.kind, DELIVERIES.c.channel, DELIVERIES.c.state, DELIVERIES.c.created_at)
    wanted = select(*columns).where(DELIVERIES.c.account == account).order_by(DELIVERIES.c.created_at.desc())
    with db.engine.connect() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def erase(account: str, connection: Connection) -> None:
    """Removes every message to an account's contacts, sent or not, within the caller's transaction."""
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.account == account))


def new_id() -> str:
    """A fresh id, which gateways see as our reference of the message."""
    return crypto.random_token(16)


def _row(contact: ContactValue, notice: Notice, account: str | None) -> dict[str, Any]:
    delivery_id, now = new_id(), clock.timestamp()
    said = orjson.dumps({"to": contact.value, "notice": notice.to_dict()}).decode()
    return {
        "id": delivery_id,
        "kind": notice.kind,
        "channel": contact.channel,
        "account": account,
        "message_sealed": sealer().seal(said, _context(delivery_id)),
        "state": PENDING,
        "attempts": 0,
        "created_at": now,
        "next_at": now,
    }


def _opened(row: Any) -> ClaimedDelivery:
    said = orjson.loads(sealer().open(row.message_sealed, _context(row.id)))
    contact = contact_of_channel(row.channel, said["to"])
    notice = Notice.from_dict(said["notice"])
    return ClaimedDelivery(row.id, row.account, row.attempts, row.created_at, row.last_answer or "", contact, notice)


def _set(delivery_id: str, **values: Any) -> None:
    # Only while it is pending: whoever came back late from a pause does not reopen what another has settled.
    mine = update(DELIVERIES).where(DELIVERIES.c.id == delivery_id, DELIVERIES.c.state == PENDING)
    with db.engine.begin() as connection:
        connection.execute(mine.values(**values))


def _context(delivery_id: str) -> str:
    return f"notice_deliveries.message:{delivery_id}"
