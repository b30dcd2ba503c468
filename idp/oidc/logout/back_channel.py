"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0): notices to clients, kept until delivered or given up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from sqlalchemy import BigInteger, String, Table, Text, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.audit import trail
from idp.core import background, clock, crypto
from idp.core.settings import settings
from idp.oidc.clients.directory import clients
from idp.oidc.clients.fetch import FetchRefused, post_form
from idp.oidc.tokens import claims, signing_keys
from idp.storage.database import Model, db

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFE = 120  # seconds (section 2.4 recommends at most two minutes)
LEASE = 30  # seconds that one worker has for an attempt; longer than the fetcher's own limit
RETRY_DELAYS = (5, 30, 120, 600, 1800, 3600, 4 * 3600, 8 * 3600)  # seconds before the next attempt; after the last it is given up
BATCH = 50
FAR_FUTURE = 253_402_300_799  # the end of the year 9999: settled rows lie beyond what is looked for every few seconds


class LogoutNotice(Model):
    """One client to tell about one ended session; `state` is pending, delivered or failed."""

    __tablename__ = "logout_notices"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), index=True)
    subject: Mapped[str] = mapped_column(String(64))
    sid: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)
    next_at: Mapped[int] = mapped_column(BigInteger, index=True)
    last_answer: Mapped[str | None] = mapped_column(Text, doc="Status or reason of the last attempt, for operators.")


LOGOUT_NOTICES = cast(Table, LogoutNotice.__table__)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How a client's notices fare: what `idp clients logouts` prints."""

    client_id: str
    pending: int
    delivered: int
    failed: int
    last_answer: str


def notify(sid: str, account: str, client_ids: set[str], first: str | None = None) -> None:
    """Writes a notice for each client that registered an address, then starts delivering; `first` (who asked) is told first."""
    now = clock.timestamp()
    rows = [
        _row(client_id, account, sid, now)
        for client_id in sorted(client_ids, key=lambda c: c != first)
        if _has_back_channel(client_id)
    ]
    if not rows:
        return
    # Durable before anything is sent: a crash between the two delays a notice, and never loses one.
    with db.engine.begin() as connection:
        connection.execute(insert(LOGOUT_NOTICES), rows)
    background.start(deliver, [row["id"] for row in rows])


def deliver_due() -> int:
    """Delivers what is due, also what a worker left behind when it died; how many were attempted."""
    due = select(LOGOUT_NOTICES.c.id).where(LOGOUT_NOTICES.c.state == "pending", LOGOUT_NOTICES.c.next_at <= clock.timestamp())
    with db.engine.connect() as connection:
        ids = list(connection.scalars(due.order_by(LOGOUT_NOTICES.c.next_at).limit(BATCH)))
    return deliver(ids)


def deliver(ids: list[str]) -> int:
    """Attempts these notices, each claimed first so that two workers never send the same one at once."""
    attempted = 0
    for notice_id in ids:
        row = _claim(notice_id)
        if row is not None:
            attempted += 1
            _record(row, *_attempt(row))
    return attempted


def statuses() -> list[DeliveryStatus]:
    """Per client: how many notices wait, were delivered, were given up; and what it last answered."""
    counts = select(LOGOUT_NOTICES.c.client_id, LOGOUT_NOTICES.c.state, func.count()).group_by(
        LOGOUT_NOTICES.c.client_id, LOGOUT_NOTICES.c.state
    )
    answered = select(LOGOUT_NOTICES.c.client_id, LOGOUT_NOTICES.c.last_answer).where(LOGOUT_NOTICES.c.last_answer.is_not(None))
    last = answered.order_by(LOGOUT_NOTICES.c.created_at)
    found: dict[str, dict[str, int]] = {}
    with db.engine.connect() as connection:
        for client_id, state, number in connection.execute(counts):
            found.setdefault(client_id, {})[state] = number
        answers = {row.client_id: row.last_answer for row in connection.execute(last)}
    return [
        DeliveryStatus(c, n.get("pending", 0), n.get("delivered", 0), n.get("failed", 0), answers.get(c) or "")
        for c, n in sorted(found.items())
    ]


def logout_token(client: "Client", subject: str, sid: str) -> str:
    """The token of section 2.4: `events`, `sub`, `sid` if any, no nonce, a type of its own: it is mistaken for nothing else."""
    now = clock.timestamp()
    stated: dict[str, Any] = {
        "iss": settings().issuer,
        "aud": client.client_id,
        "iat": now,
        "exp": now + TOKEN_LIFE,
        "jti": crypto.random_token(16),
        "sub": claims.subject_for(client, subject),
        "events": {EVENT: {}},
    }
    if sid:  # without one it is about every session of the person
        stated["sid"] = sid
    return signing_keys.sign(stated, client.id_token_signed_response_alg, typ="logout+jwt")


def _has_back_channel(client_id: str) -> bool:
    client = clients().find(client_id)
    return bool(client and client.backchannel_logout_uri)


def _row(client_id: str, subject: str, sid: str, now: int) -> dict[str, Any]:
    start = {"state": "pending", "attempts": 0, "created_at": now, "next_at": now}
    return {"id": crypto.random_token(16), "client_id": client_id, "subject": subject, "sid": sid, **start}


def _claim(notice_id: str) -> Any:
    now = clock.timestamp()
    mine = (
        update(LOGOUT_NOTICES)
        .where(LOGOUT_NOTICES.c.id == notice_id, LOGOUT_NOTICES.c.state == "pending", LOGOUT_NOTICES.c.next_at <= now)
        .values(next_at=now + LEASE, attempts=LOGOUT_NOTICES.c.attempts + 1)
        .returning(LOGOUT_NOTICES)
    )
    with db.engine.begin() as connection:
        return connection.execute(mine).first()


def _attempt(row: Any) -> tuple[bool, str]:
    client = clients().find(row.client_id)
    if client is None or not client.backchannel_logout_uri:
        return True, "the client is no longer registered for it"
    body = urlencode({"logout_token": logout_token(client, row.subject, row.sid)}).encode()
    try:
        answer = post_form(client.backchannel_logout_uri, body)
    except FetchRefused as refused:
        return False, refused.reason
    # Section 2.8: 200 is success; some frameworks answer 204. 400 means that it will not change its mind by being asked again,
    # yet it may be a deployment of theirs that fails: it is retried like the rest.
    return answer.status in (200, 204), str(answer.status)


def _record(row: Any, delivered: bool, answer: str) -> None:
    over = row.attempts > len(RETRY_DELAYS)
    wait = RETRY_DELAYS[min(row.attempts, len(RETRY_DELAYS)) - 1]
    state = "delivered" if delivered else "failed" if over else "pending"
    values = {
        "state": state,
        "last_answer": answer[:200],
        "next_at": clock.timestamp() + wait if state == "pending" else FAR_FUTURE,
    }
    with db.engine.begin() as connection:
        connection.execute(update(LOGOUT_NOTICES).where(LOGOUT_NOTICES.c.id == row.id).values(values))
    if state == "failed":
        trail.record("logout_notice_failed", account=row.subject, client=row.client_id, reason=answer[:100])
