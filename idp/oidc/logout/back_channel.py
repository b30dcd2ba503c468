"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0): notices to clients, kept until delivered or given up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import func, select

from idp.audit import trail
from idp.core import clock, crypto, lifetimes
from idp.core.settings import settings
from idp.oidc.clients.directory import clients
from idp.oidc.clients.fetch import FetchRefused, post_form
from idp.oidc.tokens import claims, signing_keys
from idp.storage import outbox
from idp.storage.database import db
from idp.storage.outbox import GIVEN_UP, OUTBOX, PENDING, SENT, ClaimedMessage, Draft, MessageKind, Outcome

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

KIND = "logout"  # as the outbox calls notices to services
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFE = lifetimes.LOGOUT_TOKEN.seconds
LEASE = 30  # seconds that one worker has for an attempt; longer than the fetcher's own limit
RETRY_DELAYS = (5, 30, 120, 600, 1800, 3600, 4 * 3600, 8 * 3600)  # seconds before the next attempt; after the last it is given up


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How a client's notices fare: what `idp clients logouts` prints."""

    client_id: str
    pending: int
    delivered: int
    failed: int
    last_answer: str


def notify(sid: str, account: str, client_ids: set[str], first: str | None = None) -> None:
    """Writes a notice for each client that registered an address, then starts delivering; `first` (who asked) is told first.

    Durable before anything is sent: a crash between the two delays a notice, and never loses one.
    """
    told = sorted(client_ids, key=lambda client_id: (client_id != first, client_id))
    outbox.post(KIND, [Draft(sid, client_id, account) for client_id in told if _has_back_channel(client_id)])


def deliver_due() -> int:
    """Delivers what is due; how many were looked at."""
    return outbox.deliver_due(KIND)


def statuses() -> list[DeliveryStatus]:
    """Per client: how many notices wait, were delivered, were given up; and what it last answered."""
    mine, client = OUTBOX.c.kind == KIND, OUTBOX.c.destination
    counts = select(client, OUTBOX.c.state, func.count()).where(mine).group_by(client, OUTBOX.c.state)
    answered = select(client, OUTBOX.c.last_answer).where(mine, OUTBOX.c.last_answer.is_not(None))
    found: dict[str, dict[str, int]] = {}
    with db.engine.connect() as connection:
        for client_id, state, number in connection.execute(counts):
            found.setdefault(client_id, {})[state] = number
        answers = {row.destination: row.last_answer for row in connection.execute(answered.order_by(OUTBOX.c.created_at))}
    return [
        DeliveryStatus(c, n.get(PENDING, 0), n.get(SENT, 0), n.get(GIVEN_UP, 0), answers.get(c) or "")
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
        stated["sid"] = claims.sid_for(client, sid)
    return signing_keys.sign(stated, client.id_token_signed_response_alg, typ="logout+jwt")


def _has_back_channel(client_id: str) -> bool:
    client = clients().find(client_id)
    return bool(client and client.backchannel_logout_uri)


def _deliver(message: ClaimedMessage) -> Outcome:
    client = clients().find(message.destination)
    if client is None or not client.backchannel_logout_uri or message.account is None:
        return Outcome(SENT, "the client is no longer registered for it")
    body = urlencode({"logout_token": logout_token(client, message.account, message.about)}).encode()
    try:
        answer = post_form(client.backchannel_logout_uri, body, of_operator=client.of_operator)
    except FetchRefused as refused:
        return Outcome(PENDING, refused.reason)
    # Section 2.8: 200 is success; some frameworks answer 204. 400 means that it will not change its mind by being asked again,
    # yet it may be a deployment of theirs that fails: it is retried like the rest.
    return Outcome(SENT if answer.status in (200, 204) else PENDING, str(answer.status))


def _audit(message: ClaimedMessage, outcome: Outcome) -> None:
    if outcome.state == GIVEN_UP:
        trail.record("logout_notice_failed", account=message.account, client=message.destination, reason=outcome.answer[:100])


MESSAGES = MessageKind(KIND, _deliver, LEASE, RETRY_DELAYS, in_order=True, settled=_audit)
