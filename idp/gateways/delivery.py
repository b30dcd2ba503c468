"""What becomes of a message: how sending it can end, and what the gateway reported afterwards, kept for a day."""

from enum import Enum
from typing import Literal, get_args

from idp.storage.redis_store import Script, store

Status = Literal["delivered", "undelivered", "unknown"]

REPORT_LIFE = 24 * 3600
LONGEST_REFERENCE = 128


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


def delivery_status(reference: str) -> Status:
    """The best that any gateway reported of this message in the last 24 hours; `unknown` when none did."""
    reported = {report.decode() for report in store().run(_REPORTED, [_key(reference)])}
    if "delivered" in reported:
        return "delivered"
    return "undelivered" if "undelivered" in reported else "unknown"


def _key(reference: str) -> str:
    return f"delivery:{reference}"
