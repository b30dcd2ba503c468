"""One suite for SMS, against every provider over HTTP and both stand-ins; then failover, redaction and reports."""

import logging
import re
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from idp.core.settings import ConfigError, Settings
from idp.core.values import PhoneNumber
from idp.gateways import sms
from idp.gateways.breaker import Breaker
from idp.gateways.endpoints import parse_endpoint
from idp.gateways.http_client import Timeouts
from idp.gateways.outbox import messages
from idp.gateways.sms import DIALECTS, DeliveryFailed, Failover, HttpGateway, Receipt, SmsGateway
from idp.gateways.sms import delivery_status as status
from idp.gateways.sms import record_delivery as report
from tests.gateways.conftest import ROOT
from tests.gateways.servers import PATIENT, Call, Provider, Reply, Scripted, Watch, scripted, timeouts_of
from tests.stores import free_port

CODE = "481516"
TEXT = f"SIAPkerja: Kode OTP Anda {CODE}. Berlaku 10 menit.\n@id.example.go.id #{CODE}"
NOTICE = "SIAPkerja: password akun Anda diubah 02/03 12.30 WIB."


def phone(ending: str = "2797") -> PhoneNumber:
    return PhoneNumber.parse(f"08123456{ending}")


def over_http(
    adapter: str, port: int, path: str = "", breaker: Breaker | None = None, timeouts: Timeouts = PATIENT
) -> HttpGateway:
    endpoint = parse_endpoint(f"http://user:p%40ss%2Fword@127.0.0.1:{port}{path}", "IDP_SMS_URL", "http")
    return HttpGateway(endpoint, DIALECTS[adapter], timeouts, breaker)


@dataclass
class Setup:
    gateway: SmsGateway
    arrived: Callable[[], list[tuple[str, str]]]
    tells: bool  # whether a refusal says why


@pytest.fixture(params=["https", "zenziva", "verihubs", "outbox", "console"])
def setup(request: pytest.FixtureRequest, ground: Flask, capsys: pytest.CaptureFixture[str]) -> Iterator[Setup]:
    if request.param == "outbox":
        yield Setup(sms.StandInSms("outbox"), lambda: [(m.to, m.text) for m in messages()], True)
        return
    if request.param == "console":
        printed = re.compile(r"--- sms to (\S+) \(\S+\) \n(.*?)\n---\n", re.DOTALL)
        yield Setup(sms.StandInSms("console"), lambda: printed.findall(capsys.readouterr().err), True)
        return
    provider = Provider()
    with scripted(provider) as server:
        provider.silence = server.silence
        gateway = over_http(request.param, server.port, timeouts=timeouts_of(request))
        yield Setup(gateway, lambda: provider.arrived, request.param != "zenziva")
        server.over.set()
        gateway.close()


def test_a_message_arrives_as_it_was_written(setup: Setup) -> None:
    assert setup.gateway.send(phone(), TEXT, "ref-1") is Receipt.ACCEPTED
    assert setup.arrived() == [("+628123456" + "2797", TEXT)]


def test_a_notice_without_a_code_arrives_too(setup: Setup) -> None:
    assert setup.gateway.send(phone("0001"), NOTICE, "ref-1") is Receipt.ACCEPTED
    assert setup.arrived() == [("+6281234560001", NOTICE)]


@pytest.mark.parametrize(("ending", "reason"), [("0002", "refused"), ("0005", "blocked"), ("0006", "too_many")])
def test_a_refusal_is_certain(setup: Setup, ending: str, reason: str) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        setup.gateway.send(phone(ending), TEXT, "ref-1")
    assert failed.value.reason == (reason if setup.tells else "refused")
    assert setup.arrived() == []


@pytest.mark.late
def test_late_is_uncertain_and_may_arrive(setup: Setup) -> None:
    assert setup.gateway.send(phone("0003"), TEXT, "ref-1") is Receipt.UNCERTAIN
    assert setup.arrived() == [("+6281234560003", TEXT)]


def test_accepted_is_not_yet_delivered(setup: Setup) -> None:
    assert setup.gateway.send(phone("0004"), TEXT, "ref-1") is Receipt.ACCEPTED
    assert setup.arrived() == []


@pytest.mark.late
def test_the_code_is_in_no_log_and_no_error(
    setup: Setup, logged: list[MutableMapping[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    fallen = []
    for number, ending in enumerate(("2797", "0002", "0003", "0005", "0006")):
        try:
            setup.gateway.send(phone(ending), TEXT, f"ref-{number}")
        except DeliveryFailed as failed:
            fallen.append(failed)
    assert len(fallen) == 3
    assert all(CODE not in "".join(traceback.format_exception(failed)) for failed in fallen)
    everything = repr(logged) + caplog.text
    for secret in (CODE, "SIAPkerja", "812345", "p@ss", "p%40ss"):
        assert secret not in everything, secret


# What the providers are sent and what they mean by their answers.


def answering(status: int, body: bytes = b"") -> Callable[[Call], Reply]:
    return lambda _: (status, body)


def asked(adapter: str, path: str = "", text: str = TEXT) -> Call:
    with scripted(answering(200, b'{"status": "1"}')) as server:
        gateway = over_http(adapter, server.port, path)
        assert gateway.send(phone(), text, "ref-1") is Receipt.ACCEPTED
        gateway.close()
    (call,) = server.calls
    return call


def test_the_generic_gateway_gets_json_and_a_bearer_token() -> None:
    call = asked("https", "/v1/sms?sender=SIAPkerja")
    assert call.path == "/v1/sms?sender=SIAPkerja"
    assert call.headers["Authorization"] == "Bearer p@ss/word"
    assert call.json == {"to": "+6281234562797", "text": TEXT, "reference": "ref-1"}


def test_zenziva_gets_a_form_with_a_local_number() -> None:
    call = asked("zenziva")
    assert call.path == "/masking/api/sendOTP/"
    assert call.form == {"userkey": "user", "passkey": "p@ss/word", "to": "081234562797", "message": TEXT}
    assert asked("zenziva", "/reguler/api/sendsms/").path == "/reguler/api/sendsms/"


def test_verihubs_gets_a_template_and_the_code_beside_it() -> None:
    call = asked("verihubs")
    assert call.path == "/v2/otp/send"
    assert (call.headers["App-ID"], call.headers["API-Key"]) == ("user", "p@ss/word")
    assert call.json["msisdn"] == "6281234562797"
    assert call.json["otp"] == CODE
    assert CODE not in call.json["template"]
    assert call.json["template"].count("$OTP") == 2


@pytest.mark.parametrize(
    ("adapter", "code", "body", "outcome"),
    [
        ("https", 200, b"", "accepted"),
        ("https", 204, b"", "accepted"),
        ("https", 400, b"", "refused"),
        ("https", 401, b"", "misconfigured"),
        ("https", 422, b"", "refused"),
        ("https", 302, b"", "uncertain"),
        ("https", 500, b"", "uncertain"),
        ("https", 503, b"", "uncertain"),
        ("zenziva", 200, b'{"status": "1"}', "accepted"),
        ("zenziva", 200, b'{"status": 1}', "accepted"),
        ("zenziva", 201, b'{"status": "1"}', "accepted"),
        ("zenziva", 200, b'{"status": "0", "text": "saldo habis"}', "refused"),
        ("zenziva", 200, b'{"status": "5"}', "refused"),
        ("zenziva", 200, b"<html>", "uncertain"),
        ("zenziva", 200, b"{}", "uncertain"),
        ("zenziva", 200, b"[]", "uncertain"),
        ("zenziva", 404, b"", "misconfigured"),
        ("zenziva", 500, b'{"status": "1"}', "uncertain"),
        ("verihubs", 201, b"{}", "accepted"),
        ("verihubs", 400, b"{}", "refused"),
        ("verihubs", 401, b"{}", "misconfigured"),
        ("verihubs", 403, b"{}", "quota"),
        ("verihubs", 409, b"{}", "blocked"),
        ("verihubs", 429, b"{}", "too_many"),
        ("verihubs", 500, b"{}", "uncertain"),
    ],
)
def test_what_answers_mean(adapter: str, code: int, body: bytes, outcome: str) -> None:
    with scripted(answering(code, body)) as server:
        gateway = over_http(adapter, server.port)
        assert outcome_of(gateway) == outcome
        gateway.close()
        assert len(server.calls) == 1


def outcome_of(gateway: SmsGateway, ending: str = "2797") -> str:
    try:
        return gateway.send(phone(ending), TEXT, "ref-1").value
    except DeliveryFailed as failed:
        return failed.reason


def test_a_huge_answer_is_uncertain() -> None:
    with scripted(answering(200, b" " * 70_000)) as server:
        gateway = over_http("https", server.port)
        assert outcome_of(gateway) == "uncertain"
        gateway.close()


def test_http_libraries_do_not_log_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    asked("https")
    logging.getLogger().setLevel(logging.WARNING)
    assert not [record for record in caplog.records if not record.name.startswith("idp.")]


# Failover.


@pytest.fixture
def second() -> Iterator[tuple[Scripted, HttpGateway]]:
    with scripted(answering(200)) as server:
        gateway = over_http("https", server.port)
        yield server, gateway
        gateway.close()


@pytest.mark.parametrize("code", [400, 401, 409, 429])
def test_refused_goes_to_the_next_with_the_same_text(code: int, second: tuple[Scripted, HttpGateway]) -> None:
    with scripted(answering(code)) as server:
        chain = Failover([over_http("https", server.port), second[1]])
        assert outcome_of(chain) == "accepted"
        chain.close()
        assert [call.json for call in server.calls] == [call.json for call in second[0].calls]
        assert len(server.calls) == 1


def test_unreachable_goes_to_the_next(second: tuple[Scripted, HttpGateway]) -> None:
    chain = Failover([over_http("https", free_port()), second[1]])
    assert outcome_of(chain) == "accepted"
    assert len(second[0].calls) == 1
    chain.close()


def test_what_one_leaves_unclear_another_sends_at_once(second: tuple[Scripted, HttpGateway]) -> None:
    """O7: a gateway that answers 500 or hangs was shown as "sent", and the code never came."""
    with scripted(answering(500)) as server:
        chain = Failover([over_http("https", server.port), second[1]])
        assert outcome_of(chain) == "accepted"
        assert [call.json for call in server.calls] == [call.json for call in second[0].calls], "the same code"
        chain.close()


def test_unclear_everywhere_is_unclear_and_not_failed() -> None:
    with scripted(answering(500)) as one, scripted(answering(409)) as other:
        for ports in ((one.port, other.port), (other.port, one.port)):
            chain = Failover([over_http("https", port) for port in ports])
            assert outcome_of(chain) == "uncertain", "the first may have sent it"
            chain.close()


def test_an_open_breaker_goes_to_the_next_at_once(second: tuple[Scripted, HttpGateway]) -> None:
    with scripted(answering(500)) as server:
        watch = Watch()
        chain = Failover([over_http("https", server.port, breaker=Breaker(now=watch)), second[1]])
        assert [outcome_of(chain) for _ in range(7)] == ["accepted"] * 7
        assert (len(server.calls), len(second[0].calls)) == (5, 7)
        watch.now += 30
        assert outcome_of(chain) == "accepted"
        assert len(server.calls) == 6
        chain.close()


def test_refusals_leave_the_breaker_shut() -> None:
    with scripted(answering(400)) as server:
        gateway = over_http("https", server.port)
        assert {outcome_of(gateway) for _ in range(30)} == {"refused"}
        assert len(server.calls) == 30
        gateway.close()


def test_when_all_refuse_it_has_failed() -> None:
    with scripted(answering(409)) as server:
        chain = Failover([over_http("https", free_port()), over_http("https", server.port)])
        assert outcome_of(chain) == "blocked"
        chain.close()


def test_a_chain_has_patience_for_so_long(second: tuple[Scripted, HttpGateway]) -> None:
    chain = Failover([over_http("https", free_port()), second[1]], patience=-1)
    assert outcome_of(chain) == "unreachable"
    assert second[0].calls == []
    chain.close()


def test_gateways_give_up_before_the_page_does() -> None:
    proxy = re.search(r"proxy_read_timeout (\d+)s", Path(ROOT / "deploy" / "nginx.conf").read_text())
    assert proxy
    assert sms.TIMEOUTS.total == 8
    assert 2 * sms.TIMEOUTS.total < int(proxy[1])  # a chain may be refused at the last moment, then ask once more


# Settings.


@pytest.mark.parametrize(
    ("urls", "kinds"),
    [
        ("outbox:", ["StandInSms"]),
        ("console:", ["StandInSms"]),
        ("https://:token@sms.example/v1", ["HttpGateway"]),
        ("zenziva:https://user:key@console.zenziva.example verihubs:https://id:key@api.example  outbox:",
         ["HttpGateway", "HttpGateway", "StandInSms"]),
    ],
)  # fmt: skip
def test_gateways_are_named_by_url_in_the_order_of_failover(known: Settings, urls: str, kinds: list[str]) -> None:
    gateway = sms.connect(urls, known)
    chain = gateway.gateways if isinstance(gateway, Failover) else (gateway,)
    assert [type(one).__name__ for one in chain] == kinds
    gateway.close()


@pytest.mark.parametrize(
    "urls",
    [
        "",
        "pigeon:",
        "http://:hunter2@sms.example/",
        "zenziva:",
        "zenziva:ftp://u:hunter2@x",
        "https://",
        "outbox: zenziva:x",
    ],
)
def test_an_unusable_url_is_one_sentence_without_the_password(known: Settings, urls: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        sms.connect(urls, known)
    assert str(wrong.value).startswith("IDP_SMS_URL")
    assert "hunter2" not in str(wrong.value)


@pytest.mark.parametrize("urls", ["outbox:", "https://:x@sms.example console:"])
def test_production_refuses_stand_ins(known: Settings, urls: str) -> None:
    with pytest.raises(ConfigError):
        sms.connect(urls, known.model_copy(update={"environment": "production"}))


def test_credentials_are_in_no_repr() -> None:
    endpoint = parse_endpoint("https://user:hunter2@[::1]:8443/x?key=hunter2", "X", "https")
    assert endpoint.url == "https://[::1]:8443/x?key=hunter2"
    assert endpoint.where == "::1:8443"
    assert "hunter2" not in repr(endpoint.where)
    assert "user" not in repr(endpoint)


# Delivery reports.


@pytest.mark.parametrize(
    ("ending", "reported"),
    [("0001", "delivered"), ("0004", "undelivered"), ("0007", "delivered"), ("2797", "unknown")],
)
def test_the_outbox_reports_by_ending(ground: Flask, ending: str, reported: str) -> None:
    sms.StandInSms("outbox").send(phone(ending), TEXT, "ref-1")
    assert status("ref-1") == reported
    assert status("ref-2") == "unknown"


def test_a_report_counts_once(ground: Flask) -> None:
    assert report("a", "ref-1", "delivered")
    assert not report("a", "ref-1", "delivered")


def test_delivered_is_the_last_word_in_any_order(ground: Flask) -> None:
    assert report("a", "ref-1", "unknown")
    assert report("a", "ref-1", "undelivered")
    assert not report("a", "ref-1", "unknown")
    assert status("ref-1") == "undelivered"
    assert report("a", "ref-1", "delivered")
    assert not report("a", "ref-1", "undelivered")
    assert status("ref-1") == "delivered"


def test_one_of_two_gateways_delivered(ground: Flask) -> None:
    report("a", "ref-1", "delivered")
    report("b", "ref-1", "undelivered")
    assert status("ref-1") == "delivered"


def test_reports_are_kept_for_a_day(ground: Flask) -> None:
    report("a", "ref-1", "delivered")
    left = ground.extensions["idp.storage.redis_store"].redis.ttl("delivery:ref-1")
    assert 86000 < left <= 86400


@pytest.mark.parametrize(("reference", "said"), [("ref-1", "read"), ("", "delivered"), ("x" * 129, "delivered")])
def test_what_is_no_report_is_refused(ground: Flask, reference: str, said: Any) -> None:
    with pytest.raises(ValueError, match="not a delivery report"):
        report("a", reference, said)


# The outbox.


def test_the_outbox_keeps_order_and_sorts_by_recipient(ground: Flask) -> None:
    gateway = sms.StandInSms("outbox")
    with time_machine.travel("2026-03-02T05:00:00Z", tick=False):
        for text, ending in (("one", "1111"), ("two", "2222"), ("three", "1111")):
            gateway.send(phone(ending), text, "ref")
    assert [message.text for message in messages()] == ["one", "two", "three"]
    assert [message.text for message in messages(phone("1111").value)] == ["one", "three"]
    assert messages()[0].at == 1772427600
    assert messages()[0].kind == "sms"


def test_the_outbox_is_sealed_in_the_store_and_hides_in_reprs(ground: Flask) -> None:
    sms.StandInSms("outbox").send(phone(), TEXT, "ref-1")
    (sealed,) = ground.extensions["idp.storage.redis_store"].listed("outbox")
    for secret in (CODE, "81234562797"):
        assert secret not in sealed.decode()
        assert secret not in repr(messages())


def test_the_outbox_is_bounded(ground: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.gateways.outbox.MAX_MESSAGES", 3)
    gateway = sms.StandInSms("outbox")
    for number in range(5):
        gateway.send(phone(), f"text {number}", "ref")
    assert [message.text for message in messages()] == ["text 2", "text 3", "text 4"]
    assert 0 < ground.extensions["idp.storage.redis_store"].redis.ttl("outbox") <= 86400


def test_what_another_key_sealed_is_left_out(ground: Flask) -> None:
    ground.extensions["idp.storage.redis_store"].push("outbox", "k9.abcdef")
    sms.StandInSms("outbox").send(phone(), TEXT, "ref-1")
    assert len(messages()) == 1
