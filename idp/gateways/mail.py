"""Mail: what every gateway promises, SMTP, and the stand-ins."""

import smtplib
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol, cast

import structlog
from flask import current_app

from idp.core import clock
from idp.core.settings import ConfigError, Settings
from idp.core.values import EmailAddress
from idp.gateways.breaker import Breaker, BreakerOpen
from idp.gateways.delivery import DeliveryFailed, Receipt
from idp.gateways.endpoints import Endpoint, adapter_of, parse_endpoint, refuse_in_production
from idp.gateways.http_client import ConnectionFailed, DeadlinePool, OutcomeUnknown, Timeouts, milliseconds_since, tls_context
from idp.gateways.stand_in import StandIn, sink_for

__all__ = ["DeliveryFailed", "MailGateway", "Receipt", "connect", "mail"]

log = structlog.get_logger()

SETTING = "IDP_MAIL_URL"
AT_ONCE = 8
TIMEOUTS = Timeouts(connect=2, read=6, total=8)
PORTS = {"smtp": 587, "smtps": 465}


class MailGateway(Protocol):
    """Sends one e-mail of a text and an HTML part.

    `reference` is ours, unique per message, and becomes its Message-ID. ACCEPTED means that the server took it,
    UNCERTAIN that it may have. Raises DeliveryFailed when it certainly was not sent. Neither text nor recipient is
    logged or repeated in an error.
    """

    def send(self, to: EmailAddress, subject: str, text: str, html: str, reference: str) -> Receipt:
        """Sends; takes at most eight seconds, below the page's own time."""

    def close(self) -> None:
        """Closes the connections that lie idle."""


class SmtpGateway:
    """SMTP with STARTTLS (`smtp`) or TLS from the start (`smtps`); one connection per message."""

    def __init__(
        self,
        endpoint: Endpoint,
        sender: str,
        timeouts: Timeouts = TIMEOUTS,
        breaker: Breaker | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._sender = sender
        self._domain = parseaddr(sender)[1].rpartition("@")[2]
        self._timeouts = timeouts
        ca = endpoint.options.get("ca")
        self._tls = tls_context(Path(ca) if ca else None)
        self._bounded = DeadlinePool("mail", AT_ONCE, timeouts.total)
        self._breaker = breaker or Breaker()

    def send(self, to: EmailAddress, subject: str, text: str, html: str, reference: str) -> Receipt:
        """One attempt; raises DeliveryFailed, also while the breaker is open."""
        letter = self._letter(to, subject, text, html, reference)
        begun = clock.monotonic()
        try:
            with self._breaker.guard(DeliveryFailed):
                self._bounded.run(None, self._submit, letter)
        except BreakerOpen:
            raise DeliveryFailed("unreachable") from None
        except ConnectionFailed as failed:
            self._log(reference, begun, outcome="unreachable", kind=str(failed))
            raise DeliveryFailed("unreachable") from None
        except OutcomeUnknown as unclear:
            self._log(reference, begun, outcome="uncertain", kind=str(unclear))
            return Receipt.UNCERTAIN
        except DeliveryFailed as refused:
            self._log(reference, begun, outcome=refused.reason)
            raise
        self._log(reference, begun, outcome="accepted")
        return Receipt.ACCEPTED

    def close(self) -> None:
        """Ends the threads; connections end with their message."""
        self._bounded.close()

    def _letter(self, to: EmailAddress, subject: str, text: str, html: str, reference: str) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = self._sender
        letter["To"] = to.value
        letter["Subject"] = subject
        letter["Date"] = format_datetime(clock.now())
        letter["Message-ID"] = f"<{reference}@{self._domain}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: no out-of-office answers, please
        letter["X-Auto-Response-Suppress"] = "All"  # the same for Exchange, which does not know it
        # No List- header (RFC 2369, RFC 2919): this is no list, and nobody leaves the warnings about their own account.
        letter.set_content(text, cte="quoted-printable")
        letter.add_alternative(html, subtype="html", cte="quoted-printable")
        return letter

    def _submit(self, letter: EmailMessage) -> None:
        # `from None` throughout: what smtplib raises holds the server's words, which may quote the message.
        server = self._ready_connection()
        try:
            server.send_message(letter)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused):
            raise DeliveryFailed("refused") from None
        except (OSError, smtplib.SMTPException) as lost:
            raise OutcomeUnknown(type(lost).__name__) from None
        else:
            with suppress(OSError, smtplib.SMTPException):  # taken is taken, however the goodbye goes
                server.quit()
        finally:
            server.close()

    def _ready_connection(self) -> smtplib.SMTP:
        """A server that has let us in; before this nothing was sent."""
        try:
            server = self._open_connection()
        except (OSError, smtplib.SMTPException) as failed:
            raise ConnectionFailed(type(failed).__name__) from None
        try:
            self._start_tls_and_log_in(server)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError):
            server.close()
            raise DeliveryFailed("misconfigured") from None
        except (OSError, smtplib.SMTPException) as failed:
            server.close()
            raise ConnectionFailed(type(failed).__name__) from None
        return server

    def _open_connection(self) -> smtplib.SMTP:
        where = self._endpoint
        port = where.port or PORTS[where.scheme]
        timeout = self._timeouts.connect
        if where.scheme == "smtps":
            return smtplib.SMTP_SSL(where.host, port, self._domain, timeout=timeout, context=self._tls)
        return smtplib.SMTP(where.host, port, self._domain, timeout=timeout)

    def _start_tls_and_log_in(self, server: smtplib.SMTP) -> None:
        """Codes and passwords never travel in the clear; only a server on this very machine may go without TLS."""
        if server.sock is not None:
            server.sock.settimeout(self._timeouts.read)
        server.ehlo()
        if self._endpoint.scheme == "smtp" and (server.has_extn("starttls") or not self._endpoint.loopback):
            server.starttls(context=self._tls)
        if self._endpoint.user:
            server.login(self._endpoint.user, self._endpoint.password)

    def _log(self, reference: str, begun: float, outcome: str, **facts: str) -> None:
        log.info(
            "mail",
            gateway=self._endpoint.where,
            delivery=reference,
            outcome=outcome,
            ms=milliseconds_since(begun),
            **facts,
        )


class StandInMail:
    """Keeps or prints instead of sending; endings of what stands before the @ fail as in `stand_in`."""

    def __init__(self, adapter: str) -> None:
        self._stand_in = StandIn("mail", adapter, sink_for(adapter))

    def send(self, to: EmailAddress, subject: str, text: str, html: str, reference: str) -> Receipt:
        """Takes the message, of which the text part is kept; raises DeliveryFailed for magic addresses."""
        return self._stand_in.take(to.value, subject, text, reference)

    def close(self) -> None:
        """A stand-in holds no connection."""


def connect(url: str, settings: Settings) -> MailGateway:
    """`smtp://user:password@host:587` (STARTTLS), `smtps://user:password@host:465`, both with `?ca=PEM` for a CA of
    one's own; `outbox:` or `console:`. Raises ConfigError."""
    adapter = adapter_of(url)
    if adapter in ("outbox", "console"):
        refuse_in_production(settings.production, SETTING)
        return StandInMail(adapter)
    endpoint = parse_endpoint(url, SETTING, "smtp", "smtps")
    if "@" not in parseaddr(settings.mail_from)[1]:
        raise ConfigError("IDP_MAIL_FROM must be an address such as SIAPkerja <noreply@example.go.id>.")
    return SmtpGateway(endpoint, settings.mail_from)


def mail() -> MailGateway:
    return cast(MailGateway, current_app.extensions["idp.mail"])
