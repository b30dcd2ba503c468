"""One suite for mail, against SMTP with STARTTLS, with TLS from the start and bare on loopback, and both stand-ins."""

import asyncio
import email
import email.policy
import re
import threading
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from flask import Flask

from idp import notices
from idp.core.settings import ConfigError, Settings
from idp.core.values import EmailAddress
from idp.gateways import civil_registry, init_app, mail, sms
from idp.gateways.breaker import Breaker
from idp.gateways.endpoints import parse_endpoint
from idp.gateways.mail import DeliveryFailed, MailGateway, Receipt, SmtpGateway
from idp.gateways.outbox import messages
from tests.gateways.servers import PATIENT, Certificate, timeouts_of
from tests.gateways.test_breaker import is_open
from tests.stores import free_port

SENDER = "SIAPkerja <noreply@siapkerja.example>"
CODE = "481516"
SUBJECT = "Kode OTP SIAPkerja Anda · Your code"
TEXT = f"Kode OTP Anda: {CODE} — “rahasia”\n\n-- English --\n\nYour code: {CODE}\n"
HTML = f"<p>Kode OTP Anda: <b>{CODE}</b></p>\n"


def address(ending: str = "") -> EmailAddress:
    return EmailAddress.parse(f"siti{ending}@example.com")


@dataclass
class Postman:
    """What aiosmtpd asks; fails by the ending of the recipient, as the stand-ins do."""

    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: Any) -> str:
        refusals = {"0002": "550 no such user", "0005": "554 blocked", "0006": "452 too many"}
        refusal = refusals.get(to.partition("@")[0][-4:])
        if refusal:
            return refusal
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        ending = envelope.rcpt_tos[0].partition("@")[0][-4:]
        if ending == "0008":
            return f"554 spam: {CODE}"
        if ending != "0004":
            letter = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
            self.letters.append(letter)  # type: ignore[arg-type]
            self.envelopes.append(envelope)
            self.sessions.append(session)
        if ending == "0003":
            await asyncio.to_thread(self.over.wait, 60)
        return "250 taken"


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"user", b"p@ss/word"), handled=False)


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def smtp(request: pytest.FixtureRequest, postman: Postman, ours: Certificate) -> Iterator[Callable[..., SmtpGateway]]:
    """Starts a server of the kind asked for and returns the gateway to it."""
    running: list[tuple[Controller, SmtpGateway]] = []

    def start(
        kind: str, login: str = "user:p%40ss%2Fword", breaker: Breaker | None = None, host: str = "127.0.0.1"
    ) -> SmtpGateway:
        tls: dict[str, Any] = {
            "bare": {},
            "starttls": {"tls_context": ours.server},
            "smtps": {"ssl_context": ours.server},
        }[kind]
        # aiosmtpd does not count TLS from the start as TLS; that the login happened is asserted by the tests instead.
        strict = kind == "starttls"
        options = {"auth_require_tls": strict, "auth_required": strict, "require_starttls": strict}
        where = {"hostname": "127.0.0.1", "port": free_port(), "ready_timeout": 60}
        controller = Controller(postman, authenticator=authenticate, **where, **tls, **options)
        controller.start()
        scheme = "smtps" if kind == "smtps" else "smtp"
        credentials = "" if kind == "bare" else f"{login}@"
        url = f"{scheme}://{credentials}{host}:{controller.port}?ca={ours.pem}"
        gateway = SmtpGateway(parse_endpoint(url, "IDP_MAIL_URL", "smtp", "smtps"), SENDER, timeouts_of(request), breaker)
        running.append((controller, gateway))
        return gateway

    yield start
    postman.over.set()
    for controller, gateway in running:
        gateway.close()
        controller.stop()


@dataclass
class Setup:
    gateway: MailGateway
    arrived: Callable[[], list[tuple[str, str, str]]]
    tells: bool


@pytest.fixture(params=["starttls", "smtps", "bare", "outbox", "console"])
def setup(
    request: pytest.FixtureRequest, ground: Flask, capsys: pytest.CaptureFixture[str],
    smtp: Callable[..., SmtpGateway], postman: Postman,
) -> Setup:  # fmt: skip
    if request.param == "outbox":
        return Setup(mail.StandInMail("outbox"), lambda: [(m.to, m.subject, m.text) for m in messages()], True)
    if request.param == "console":
        printed = re.compile(r"--- mail to (\S+) \(\S+\) (.*?)\n(.*?)\n---\n", re.DOTALL)
        return Setup(mail.StandInMail("console"), lambda: printed.findall(capsys.readouterr().err), True)
    return Setup(smtp(request.param), lambda: [_triple(letter) for letter in postman.letters], False)


def _triple(letter: EmailMessage) -> tuple[str, str, str]:
    return letter["To"], letter["Subject"], part(letter, "plain")


def part(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def send(gateway: MailGateway, ending: str = "") -> Receipt:
    return gateway.send(address(ending), SUBJECT, TEXT, HTML, f"ref-{ending}")


def outcome_of(gateway: MailGateway, ending: str = "") -> str:
    try:
        return send(gateway, ending).value
    except DeliveryFailed as failed:
        return failed.reason


def test_a_letter_arrives_as_it_was_written(setup: Setup) -> None:
    assert send(setup.gateway) is Receipt.ACCEPTED
    assert setup.arrived() == [("siti@example.com", SUBJECT, TEXT)]


@pytest.mark.parametrize(("ending", "reason"), [("0002", "refused"), ("0005", "blocked"), ("0006", "too_many")])
def test_a_refusal_is_certain(setup: Setup, ending: str, reason: str) -> None:
    assert outcome_of(setup.gateway, ending) == (reason if setup.tells else "refused")
    assert setup.arrived() == []


@pytest.mark.late
def test_late_is_uncertain_and_may_arrive(setup: Setup) -> None:
    assert outcome_of(setup.gateway, "0003") == "uncertain"
    assert [to for to, _, _ in setup.arrived()] == ["siti0003@example.com"]


@pytest.mark.late
def test_the_code_is_in_no_log_and_no_error(
    setup: Setup, logged: list[MutableMapping[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    fallen = []
    for ending in ("", "0002", "0003", "0005"):
        try:
            send(setup.gateway, ending)
        except DeliveryFailed as failed:
            fallen.append(failed)
    assert len(fallen) == 2
    assert all(CODE not in "".join(traceback.format_exception(failed)) for failed in fallen)
    assert CODE not in repr(logged) + caplog.text
    assert "siti@" not in repr(logged)
    assert "p@ss" not in repr(logged)


def test_a_letter_has_both_parts_and_says_that_a_machine_wrote_it(smtp: Callable[..., SmtpGateway], postman: Postman) -> None:
    send(smtp("starttls"))
    (letter,) = postman.letters
    assert letter.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in letter.iter_parts()] == ["text/plain", "text/html"]
    assert part(letter, "html") == HTML
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["From"] == SENDER
    assert letter["Message-ID"] == "<ref-@siapkerja.example>"
    assert letter["Date"].datetime.tzinfo is not None
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert [name for name in letter if name.startswith("List-")] == []
    (envelope,) = postman.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("noreply@siapkerja.example", ["siti@example.com"])


def test_a_notice_arrives_whole_and_safe_for_every_mail_server(
    app: Flask, smtp: Callable[..., SmtpGateway], postman: Postman
) -> None:
    """U13: what was composed is what is read, in lines that no server has to cut (RFC 5321 section 4.5.3.1.6)."""
    with app.app_context():
        composed = notices.password_changed(datetime(2026, 3, 2, 5, 30, tzinfo=UTC)).letter(None, "Siti Nurhaliza Ma'ruf")
    smtp("starttls").send(address(), composed.subject, composed.text, composed.html, "ref")
    (letter,), (envelope,) = postman.letters, postman.envelopes
    assert (part(letter, "plain"), part(letter, "html")) == (composed.text, composed.html)
    assert letter["Subject"].strip() == composed.subject  # a subject that is folded begins on the next line
    content = envelope.content
    assert isinstance(content, bytes) and content.isascii()
    assert max(map(len, content.splitlines())) <= 998


def test_a_refusal_after_the_letter_is_certain_and_its_words_stay_out(
    smtp: Callable[..., SmtpGateway], logged: list[MutableMapping[str, Any]]
) -> None:
    assert outcome_of(smtp("bare"), "0008") == "refused"
    assert CODE not in repr(logged)


@pytest.mark.parametrize("kind", ["starttls", "smtps"])
def test_a_wrong_password_is_our_mistake(smtp: Callable[..., SmtpGateway], postman: Postman, kind: str) -> None:
    assert outcome_of(smtp(kind, login="user:wrong")) == "misconfigured"
    assert postman.letters == []


@pytest.mark.parametrize(("kind", "scheme"), [("starttls", "smtp"), ("smtps", "smtps")])
def test_a_stranger_s_certificate_gets_neither_password_nor_letter(
    smtp: Callable[..., SmtpGateway], postman: Postman, strangers: Certificate, kind: str, scheme: str
) -> None:
    port = smtp(kind)._endpoint.port
    url = f"{scheme}://user:p%40ss%2Fword@127.0.0.1:{port}?ca={strangers.pem}"
    gateway = SmtpGateway(parse_endpoint(url, "X", scheme), SENDER, PATIENT)
    assert outcome_of(gateway) == "unreachable"
    assert postman.letters == []
    gateway.close()


def test_without_tls_nothing_leaves_this_machine(smtp: Callable[..., SmtpGateway], postman: Postman) -> None:
    # 127.1 is 127.0.0.1, but not one of the names that count as this machine.
    assert outcome_of(smtp("bare", host="127.1")) == "misconfigured"
    assert postman.letters == []


@pytest.mark.parametrize("kind", ["starttls", "smtps"])
def test_it_signs_in_under_tls(smtp: Callable[..., SmtpGateway], postman: Postman, kind: str) -> None:
    assert outcome_of(smtp(kind)) == "accepted"
    (session,) = postman.sessions
    assert session.authenticated
    assert session.ssl is not None or kind == "smtps"


def test_nobody_there_is_certain_and_opens_the_breaker() -> None:
    breaker = Breaker()
    url = f"smtp://127.0.0.1:{free_port()}"
    gateway = SmtpGateway(parse_endpoint(url, "X", "smtp"), SENDER, PATIENT, breaker)
    assert {outcome_of(gateway) for _ in range(5)} == {"unreachable"}
    assert is_open(breaker)
    assert outcome_of(gateway) == "unreachable"
    gateway.close()


def test_refusals_leave_the_breaker_shut(smtp: Callable[..., SmtpGateway]) -> None:
    breaker = Breaker()
    gateway = smtp("bare", breaker=breaker)
    assert {outcome_of(gateway, "0002") for _ in range(6)} == {"refused"}
    assert not is_open(breaker)
    assert outcome_of(gateway) == "accepted"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smtp:",
        "http://x",
        "smtp://user:hunter2@",
        "smtps://user:hunter2@h:port",
        "smtp://user:hunter2@h?ca=/none.pem",
    ],
)
def test_an_unusable_url_is_one_sentence_without_the_password(known: Settings, url: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        mail.connect(url, known)
    assert "hunter2" not in str(wrong.value)


def test_an_unusable_sender_is_refused(known: Settings) -> None:
    with pytest.raises(ConfigError, match="IDP_MAIL_FROM"):
        mail.connect("smtp://mail.example", known.model_copy(update={"mail_from": "SIAPkerja"}))


@pytest.mark.parametrize("url", ["outbox:", "console:"])
def test_production_refuses_stand_ins(known: Settings, url: str) -> None:
    with pytest.raises(ConfigError):
        mail.connect(url, known.model_copy(update={"environment": "production"}))


def test_the_settings_name_all_three(ground: Flask) -> None:
    init_app(ground)
    assert isinstance(civil_registry.civil_registry(), civil_registry.DukcapilRegistry)
    assert isinstance(sms.sms(), sms.StandInSms)
    assert isinstance(mail.mail(), mail.StandInMail)
