"""What became of the messages to an account's contacts, for their owner, for operators, and for the weighing of recoveries."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from idp.storage.database import db
from idp.storage.outbox import OUTBOX

KIND = "notice"  # as the outbox calls messages to people


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


def delivery_outcomes(account: str, kind: str, since: int) -> list[DeliveryOutcome]:
    """What became of this account's notices of a kind, from `since` (epoch seconds) on."""
    columns = (OUTBOX.c.id, OUTBOX.c.destination, OUTBOX.c.state, func.coalesce(OUTBOX.c.last_answer, ""))
    wanted = _to_people() & (OUTBOX.c.account == account) & (OUTBOX.c.about == kind) & (OUTBOX.c.created_at >= since)
    with db.engine.connect() as connection:
        return [DeliveryOutcome(*row) for row in connection.execute(select(*columns).where(wanted))]


def delivery_counts(since: int) -> list[DeliveryCount]:
    """How the notices written from `since` (epoch seconds) on fare, for operators."""
    columns = (OUTBOX.c.destination, OUTBOX.c.state, func.coalesce(OUTBOX.c.last_answer, ""))
    wanted = select(*columns, func.count()).where(_to_people(), OUTBOX.c.created_at >= since)
    with db.engine.connect() as connection:
        return [DeliveryCount(*row) for row in connection.execute(wanted.group_by(*columns).order_by(*columns))]


def of_account(account: str) -> list[dict[str, Any]]:
    """Every message to an account's contacts that is still known: kind, channel, state, created_at; newest first."""
    columns = (OUTBOX.c.about.label("kind"), OUTBOX.c.destination.label("channel"), OUTBOX.c.state, OUTBOX.c.created_at)
    wanted = select(*columns).where(_to_people(), OUTBOX.c.account == account).order_by(OUTBOX.c.created_at.desc())
    with db.engine.connect() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def _to_people() -> ColumnElement[bool]:
    return OUTBOX.c.kind == KIND
