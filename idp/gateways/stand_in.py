"""What SMS and mail stand-ins share: the endings of numbers and addresses that make them fail, late or twice."""

from collections.abc import Callable

import click

from idp.gateways import outbox
from idp.gateways.delivery import DeliveryFailed, Receipt, Status, record_delivery

MessageSink = Callable[[str, str, str, str, str], None]

# The last four characters of a number, or of what stands before the @, by what happens to the message.
DELIVERED, REFUSED, LATE, UNDELIVERED = "0001", "0002", "0003", "0004"
BLOCKED, TOO_MANY, REPORTED_TWICE = "0005", "0006", "0007"
REFUSALS = {REFUSED: "refused", BLOCKED: "blocked", TOO_MANY: "too_many"}
REPORTS: dict[str, list[Status]] = {
    DELIVERED: ["delivered"],
    UNDELIVERED: ["undelivered"],
    REPORTED_TWICE: ["delivered", "delivered"],
}


class StandIn:
    """Takes messages as a gateway would and gives them to `keep` instead of sending them."""

    def __init__(self, kind: str, name: str, keep: MessageSink) -> None:
        self.kind = kind
        self.name = name
        self._keep = keep

    def take(self, to: str, subject: str, text: str, reference: str) -> Receipt:
        """Keeps the message, unless the ending of `to` says otherwise; raises DeliveryFailed for 0002, 0005 and 0006."""
        ending = to.partition("@")[0][-4:]
        if ending in REFUSALS:
            raise DeliveryFailed(REFUSALS[ending])
        if ending != UNDELIVERED:
            self._keep(self.kind, to, subject, text, reference)
        for status in REPORTS.get(ending, []):
            record_delivery(self.name, reference, status)
        return Receipt.UNCERTAIN if ending == LATE else Receipt.ACCEPTED


def sink_for(adapter: str) -> MessageSink:
    """Where the stand-in `outbox` or `console` puts its messages."""
    return outbox.append if adapter == "outbox" else _print


def _print(kind: str, to: str, subject: str, text: str, reference: str) -> None:
    click.echo(f"--- {kind} to {to} ({reference}) {subject}\n{text}\n---", err=True)
