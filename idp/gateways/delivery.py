"""What becomes of a message: how sending it can end, and what the gateway reported afterwards, kept for a day."""

from contextlib import suppress
from enum import Enum
from typing import Literal, get_args

from idp.core import crypto, lifetimes
from idp.storage.redis_store import Script, StoreUnavailable, store

Status = Literal["delivered", "undelivered", "unknown"]

REPORT_LIFE = lifetimes.DELIVERY_REPORT.seconds
LONGEST_REFERENCE = 128
OWN_IDS = frozenset({"zenziva", "verihubs"})  # adapters whose reports name the message by an id of the gateway's own


class Receipt(Enum):
    """How the gateway took it: `UNCERTAIN` may still arrive, so nobody may send it again by himself."""

    ACCEPTED = "accepted"
    UNCERTAIN = "uncertain"


class DeliveryFailed(Exception):
    """Certainly not sent; never names the message or the recipient.

    `reason`: refused, blocked, too_many, quota, misconfigured or unreachable.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Reports come twice and in any order. Delivered is the last word: a phone that got the message got it.
_REPORT = Script("""
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known == 'delivered' or known == ARGV[2] or (known and ARGV[2] == 'unknown') then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
""")


_REPORTED = Script("return redis.call('HVALS', KEYS[1])")


def record_delivery(gateway: str, reference: str, status: Status) -> bool:
    """Keeps what `gateway` reports of the message with our `reference`; True if that was news (idempotent).

    Raises ValueError for a status or a reference that cannot be one of ours, StoreUnavailable.
    """
    if status not in get_args(Status) or not 0 < len(reference) <= LONGEST_REFERENCE:
        raise ValueError("not a delivery report")
    return bool(store().run(_REPORT, [_key(reference)], [gateway, status, REPORT_LIFE]))


def note_own_id(adapter: str, own_id: str, reference: str) -> None:
    """Keeps which of our messages a gateway means by an id of its own. Its reports may be missed, never the message."""
    with suppress(StoreUnavailable):
        store().put(_own_key(adapter, own_id), reference, REPORT_LIFE)


def record_report(adapter: str, named: str, status: Status) -> bool:
    """Keeps what was reported of a message, named by our reference or the gateway's id; True if that was news."""
    if not 0 < len(named) <= LONGEST_REFERENCE:
        return False
    reference = store().get(_own_key(adapter, named)) if adapter in OWN_IDS else named.encode()
    return reference is not None and record_delivery(adapter, reference.decode(), status)


def delivery_status(reference: str) -> Status:
    """The best that any gateway reported of this message in the last 24 hours; `unknown` when none did."""
    reported = {report.decode() for report in store().run(_REPORTED, [_key(reference)])}
    if "delivered" in reported:
        return "delivered"
    return "undelivered" if "undelivered" in reported else "unknown"


def _own_key(adapter: str, own_id: str) -> str:
    return f"delivery-id:{adapter}:{crypto.digest(own_id)}"


def _key(reference: str) -> str:
    return f"delivery:{reference}"
