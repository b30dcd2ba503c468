"""What SMS gateways report of messages that they took: pure functions from what they post to message and status."""

from collections.abc import Callable, Mapping
from typing import Any

from idp.gateways.delivery import Status

Report = tuple[str, Status]  # the message, by our reference or by the gateway's own id, and what became of it
Reader = Callable[[Mapping[str, Any]], Report | None]

# The words of several gateways, in lower case. A word that stands in neither says nothing yet: the message is on its way.
DELIVERED = frozenset({"delivered", "delivrd", "success", "read"})
UNDELIVERED = frozenset({"undelivered", "undeliv", "failed", "rejected", "rejectd", "expired", "invalid"})


def _status(word: object) -> Status:
    said = str(word).strip().lower()
    return "delivered" if said in DELIVERED else "undelivered" if said in UNDELIVERED else "unknown"


def _reader(message: str, status: str) -> Reader:
    def read(posted: Mapping[str, Any]) -> Report | None:
        named = posted.get(message)
        if not isinstance(named, str | int) or isinstance(named, bool) or not str(named):
            return None
        return str(named), _status(posted.get(status))

    return read


# Per adapter of IDP_SMS_URL: which member names the message, and which tells its status.
READERS: dict[str, Reader] = {
    "json": _reader("reference", "status"),
    "zenziva": _reader("messageId", "status"),
    "verihubs": _reader("session_id", "status"),
}
# The member of an adapter's answer that tells the id by which its reports will name the message.
TOLD_AS = {"zenziva": "messageId", "verihubs": "session_id"}


def own_id(adapter: str, answered: object) -> str | None:
    """The id that the gateway gave the message when it took it; None where reports name our reference."""
    member = TOLD_AS.get(adapter)
    named = answered.get(member) if member and isinstance(answered, dict) else None
    return str(named) if isinstance(named, str | int) and not isinstance(named, bool) and str(named) else None
