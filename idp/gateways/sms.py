"""SMS: what every gateway promises, the providers over HTTP, failover between them, and the stand-ins."""

from collections.abc import Sequence
from typing import Protocol, cast
from urllib.parse import urlsplit

import structlog
from flask import current_app

from idp.core import clock
from idp.core.settings import ConfigError, Settings
from idp.core.values import PhoneNumber
from idp.gateways import delivery, sms_reports
from idp.gateways.breaker import Breaker, BreakerOpen
from idp.gateways.delivery import DeliveryFailed, Receipt, delivery_status, record_delivery
from idp.gateways.endpoints import Endpoint, adapter_of, parse_endpoint, refuse_in_production
from idp.gateways.http_client import (
    Busy,
    ConnectionFailed,
    GatewayClient,
    GatewayResponse,
    OutcomeUnknown,
    Timeouts,
    milliseconds_since,
)
from idp.gateways.sms_dialects import JSON, VERIHUBS, ZENZIVA, Dialect, Unclear
from idp.gateways.stand_in import StandIn, sink_for

__all__ = ["DeliveryFailed", "Receipt", "SmsGateway", "connect", "delivery_status", "record_delivery", "sms"]

log = structlog.get_logger()

SETTING = "IDP_SMS_URL"
AT_ONCE = 6  # calls of one process: of its sixteen threads ten go on serving whoever waits for no code
TIMEOUTS = Timeouts(connect=2, read=6, total=8)
DIALECTS = {"https": JSON, "http": JSON, "zenziva": ZENZIVA, "verihubs": VERIHUBS}


class SmsGateway(Protocol):
    """Sends one SMS.

    `text` has at most 160 characters of GSM-7 and is usually a code: no gateway logs it or repeats it in an error.
    `reference` is ours, unique per message: the idempotency key, and what delivery reports are filed under.
    ACCEPTED means taken, UNCERTAIN that it may still arrive. Raises DeliveryFailed when it certainly was not sent.
    """

    name: str

    def send(self, to: PhoneNumber, text: str, reference: str) -> Receipt:
        """Sends; takes at most eight seconds, below the page's own time."""

    def close(self) -> None:
        """Closes the connections that lie idle."""


class HttpGateway:
    """A provider over HTTP; the `dialect` knows its words."""

    def __init__(
        self,
        endpoint: Endpoint,
        dialect: Dialect,
        timeouts: Timeouts = TIMEOUTS,
        breaker: Breaker | None = None,
        adapter: str = "json",
    ):
        self.name = endpoint.where
        self._adapter = adapter
        self._endpoint = endpoint
        self._dialect = dialect
        self._url = _with_path(endpoint, dialect.path)
        self._line = GatewayClient("sms", timeouts, AT_ONCE)
        self._breaker = breaker or Breaker()

    def send(self, to: PhoneNumber, text: str, reference: str) -> Receipt:
        """One call, never repeated; raises DeliveryFailed, also while the breaker is open."""
        begun = clock.monotonic()
        try:
            with self._breaker.guard(DeliveryFailed, Busy):
                status = self._ask(to, text, reference)
        except BreakerOpen:
            raise DeliveryFailed("unreachable") from None
        except ConnectionFailed as failed:
            self._log(reference, begun, outcome="unreachable", kind=str(failed))
            raise DeliveryFailed("unreachable") from None
        except (OutcomeUnknown, Unclear) as unclear:
            self._log(reference, begun, outcome="uncertain", kind=str(unclear))
            return Receipt.UNCERTAIN
        except DeliveryFailed as refused:
            self._log(reference, begun, outcome=refused.reason)
            raise
        self._log(reference, begun, outcome="accepted", status=status)
        return Receipt.ACCEPTED

    def close(self) -> None:
        """Closes the pooled connections."""
        self._line.close()

    def _ask(self, to: PhoneNumber, text: str, reference: str) -> int:
        answer: GatewayResponse = self._line.post(self._url, **self._dialect.request(self._endpoint, to, text, reference))
        self._dialect.read(answer)
        own_id = sms_reports.own_id(self._adapter, answer.json())
        if own_id is not None:
            delivery.note_own_id(self._adapter, own_id, reference)
        return answer.status

    def _log(self, reference: str, begun: float, outcome: str, **facts: str | int) -> None:
        # Never the answer: gateways echo the message, and the message is the code.
        log.info(
            "sms",
            gateway=self.name,
            delivery=reference,
            outcome=outcome,
            ms=milliseconds_since(begun),
            **facts,
        )


class StandInSms:
    """Keeps or prints instead of sending; endings of numbers fail as in `stand_in`."""

    def __init__(self, adapter: str) -> None:
        self.name = adapter
        self._stand_in = StandIn("sms", adapter, sink_for(adapter))

    def send(self, to: PhoneNumber, text: str, reference: str) -> Receipt:
        """Takes the message; raises DeliveryFailed for magic numbers."""
        return self._stand_in.take(to.value, "", text, reference)

    def close(self) -> None:
        """A stand-in holds no connection."""


class Failover:
    """Several gateways in order, within `patience` seconds: the next is asked when this one refused, or left unclear whether
    it sent. A message that comes twice, with the same code, is better than one that never comes."""

    def __init__(self, gateways: Sequence[SmsGateway], patience: float = TIMEOUTS.total) -> None:
        self.gateways = tuple(gateways)
        self._patience = patience
        self.name = "failover"

    def send(self, to: PhoneNumber, text: str, reference: str) -> Receipt:
        """The first receipt, accepted or uncertain; raises the last gateway's DeliveryFailed when all refused."""
        until, unclear, refusal = clock.monotonic() + self._patience, False, None
        for gateway in self.gateways:
            if (unclear or refusal) and clock.monotonic() > until:
                break  # the page that waits for us has a time of its own
            try:
                if gateway.send(to, text, reference) is Receipt.ACCEPTED:
                    return Receipt.ACCEPTED
                unclear = True
                log.warning("sms_failover", gateway=gateway.name, delivery=reference, reason="unclear")
            except DeliveryFailed as refused:
                refusal = refused
                log.warning("sms_failover", gateway=gateway.name, delivery=reference, reason=refused.reason)
        if unclear or refusal is None:
            return Receipt.UNCERTAIN
        raise refusal

    def close(self) -> None:
        """Closes the connections of every gateway in the line."""
        for gateway in self.gateways:
            gateway.close()


def connect(urls: str, settings: Settings) -> SmsGateway:
    """The gateways named in `urls`, separated by spaces, failing over in that order; raises ConfigError.

    `https://:token@host/path` (generic JSON), `zenziva:https://userkey:passkey@host[/reguler/api/sendsms/]`,
    `verihubs:https://app-id:api-key@host`, `outbox:`, `console:`. http:// for loopback only.
    """
    named = urls.split()
    # Together they have the time of one: else the second could never be asked when the first hangs.
    each = TIMEOUTS if len(named) < 2 else Timeouts(connect=1, read=TIMEOUTS.read / len(named), total=TIMEOUTS.total / len(named))
    gateways = [_connect_one(url, settings, each) for url in named]
    if not gateways:
        raise ConfigError(f"{SETTING} is empty: name at least one gateway.")
    return gateways[0] if len(gateways) == 1 else Failover(gateways)


def sms() -> SmsGateway:
    return cast(SmsGateway, current_app.extensions["idp.sms"])


def _connect_one(url: str, settings: Settings, timeouts: Timeouts) -> SmsGateway:
    adapter = adapter_of(url)
    if adapter in ("outbox", "console"):
        refuse_in_production(settings.production, SETTING)
        return StandInSms(adapter)
    if adapter not in DIALECTS:
        raise ConfigError(f"{SETTING} names no adapter that exists: {', '.join(DIALECTS)}, outbox, console.")
    address = url if adapter in ("https", "http") else url.partition(":")[2]
    endpoint = parse_endpoint(address, SETTING, "https", "http")
    return HttpGateway(endpoint, DIALECTS[adapter], timeouts, adapter=adapter if adapter in sms_reports.READERS else "json")


def _with_path(endpoint: Endpoint, path: str) -> str:
    if not path or endpoint.path not in ("", "/"):
        return endpoint.url
    return urlsplit(endpoint.url)._replace(path=path).geturl()
