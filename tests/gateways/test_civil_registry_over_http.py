"""The real adapter on a bad day: late, trickling, crowded, refused, impersonated; and what it really sends."""

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine
from flask import Flask

from idp.core.settings import ConfigError, Settings
from idp.gateways import civil_registry, quota
from idp.gateways.breaker import Breaker
from idp.gateways.civil_registry import AT_ONCE, DukcapilRegistry, RegistryUnavailable, Verdict, over_http
from idp.gateways.demo_registry import Registry, citizens, server
from idp.gateways.endpoints import parse_endpoint
from idp.gateways.http_client import Timeouts
from idp.storage.redis_store import StoreUnavailable, connect
from tests.gateways.conftest import CITIZENS
from tests.gateways.servers import PATIENT, QUICK, Call, Certificate, Reply, Watch, scripted, serving
from tests.gateways.test_civil_registry import REGISTER, facts
from tests.stores import free_port

MATCH = {"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (100)", "NAMA_LGKP_IBU": "Sesuai (100)"}


def reply(*rows: dict[str, Any], **envelope: Any) -> Reply:
    return 200, orjson.dumps({"content": list(rows), **envelope})


def matches(_: Call) -> Reply:
    return reply(MATCH, quotaLimiter=1523)


@contextmanager
def adapter(
    port: int, ca: Path | None = None, timeouts: Timeouts = PATIENT, breaker: Breaker | None = None
) -> Iterator[DukcapilRegistry]:
    scheme = "https" if ca else "http"
    url = f"{scheme}://user:password@127.0.0.1:{port}/dukcapil/get_json/KEMNAKER"
    endpoint = parse_endpoint(url, "IDP_CIVIL_REGISTRY_URL", "https", "http")
    registry = over_http(endpoint, "10.20.30.40", ca, timeouts, breaker)
    yield registry
    registry.close()


def verify(registry: DukcapilRegistry, **changes: str) -> Verdict:
    return registry.verify(facts(**changes), REGISTER, "registration")


def reason(registry: DukcapilRegistry, **changes: str) -> str:
    with pytest.raises(RegistryUnavailable) as unavailable:
        verify(registry, **changes)
    return unavailable.value.reason


def test_what_is_sent_is_the_contract(ground: Flask) -> None:
    with scripted(matches) as dukcapil, adapter(dukcapil.port) as registry:
        assert verify(registry, name="  agus   wijaya") is Verdict.MATCH
    (call,) = dukcapil.calls
    assert call.path == "/dukcapil/get_json/KEMNAKER/CALL_VERIFY_BY_ELEMEN"
    assert call.headers["Content-Type"] == "application/json"
    assert "Authorization" not in call.headers
    assert call.json == {
        "USER_ID": "user",
        "PASSWORD": "password",
        "IP_USER": "10.20.30.40",
        "TRESHOLD": "90",
        "NIK": "9903030101750005",
        "NAMA_LGKP": "AGUS WIJAYA",
        "NAMA_LGKP_IBU": "TUTI HERAWATI",
    }


def test_one_connection_serves_many_calls(ground: Flask) -> None:
    with scripted(matches) as dukcapil, adapter(dukcapil.port) as registry:
        for _ in range(5):
            verify(registry)
    assert (dukcapil.connections, len(dukcapil.calls)) == (1, 5)


def test_a_second_try_without_titles_is_one_more_call(ground: Flask) -> None:
    def strict(call: Call) -> Reply:
        good = call.json["NAMA_LGKP"] == "AGUS WIJAYA"
        return reply(MATCH | ({} if good else {"NAMA_LGKP": "Tidak Sesuai (70)"}))

    with scripted(strict) as dukcapil, adapter(dukcapil.port) as registry:
        assert verify(registry, name="H. Agus Wijaya") is Verdict.MATCH
        assert [call.json["NAMA_LGKP"] for call in dukcapil.calls] == ["H. AGUS WIJAYA", "AGUS WIJAYA"]
        assert verify(registry, name="Joko") is Verdict.MISMATCH
    assert len(dukcapil.calls) == 3


def test_a_late_answer_is_an_outage_and_is_never_asked_for_again(ground: Flask) -> None:
    with (
        scripted(lambda _: (dukcapil.silence(), matches(_))[1]) as dukcapil,
        adapter(dukcapil.port, timeouts=QUICK) as registry,
    ):
        assert reason(registry) == "outage"
        dukcapil.over.set()
    assert len(dukcapil.calls) == 1, "all lines are closed by now: nothing is on its way"


def test_a_trickle_ends_at_the_deadline(ground: Flask) -> None:
    with scripted(matches) as dukcapil, adapter(dukcapil.port, timeouts=Timeouts(30, 2, 1)) as registry:
        dukcapil.trickle = 0.1  # each byte in time, and all of them half a minute
        assert reason(registry) == "outage"
        dukcapil.over.set()


def test_both_calls_share_one_deadline(ground: Flask) -> None:
    def slow(_: Call) -> Reply:
        dukcapil.silence(0.4)
        return reply(MATCH | {"NAMA_LGKP": "Tidak Sesuai (70)"})

    with scripted(slow) as dukcapil, adapter(dukcapil.port, timeouts=Timeouts(0.3, 0.5, 0.6)) as registry:
        assert reason(registry, name="H. Agus") == "outage"
        dukcapil.over.set()


def test_a_failed_connection_is_tried_once_more(ground: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []
    real = socket.create_connection

    def counted(*args: Any, **kwargs: Any) -> socket.socket:
        attempts.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", counted)
    with adapter(free_port()) as registry:
        assert reason(registry) == "outage"
    assert len(attempts) == 2


def test_the_second_connection_can_succeed(ground: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []
    real = socket.create_connection

    def refused_once(*args: Any, **kwargs: Any) -> socket.socket:
        attempts.append(args)
        if len(attempts) == 1:
            raise ConnectionRefusedError
        return real(*args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", refused_once)
    with scripted(matches) as dukcapil, adapter(dukcapil.port) as registry:
        assert verify(registry) is Verdict.MATCH
    assert len(dukcapil.calls) == 1


def test_a_slow_registry_keeps_few_waiting_and_turns_the_rest_away_at_once(ground: Flask) -> None:
    """S27: a registry that needs four seconds took every thread; the breaker, which hears no failure, never opened."""
    entered = threading.Semaphore(0)

    def slow(call: Call) -> Reply:
        entered.release()
        dukcapil.silence()
        return matches(call)

    def one(_: int) -> str:
        with ground.app_context():
            return str(verify(registry).value)

    def turned_away(_: int) -> str:
        with ground.app_context():
            return reason(registry)

    with (
        scripted(slow) as dukcapil,
        adapter(dukcapil.port, timeouts=PATIENT) as registry,
        ThreadPoolExecutor(AT_ONCE) as waiting,
        ThreadPoolExecutor(30) as crowd,
    ):
        served = [waiting.submit(one, number) for number in range(AT_ONCE)]
        for _ in range(AT_ONCE):
            assert entered.acquire(timeout=60)
        assert set(crowd.map(turned_away, range(30))) == {"outage"}, "nobody waits behind those who wait"
        assert len(dukcapil.calls) == AT_ONCE
        dukcapil.over.set()
        assert {future.result(60) for future in served} == {Verdict.MATCH.value}
        with ground.app_context():
            assert verify(registry) is Verdict.MATCH, "being busy opens no breaker"


@pytest.mark.parametrize(("status", "why"), [(401, "misconfigured"), (403, "misconfigured"), (404, "misconfigured"),
                                             (302, "outage"), (429, "outage"), (500, "outage"), (201, "outage")])  # fmt: skip
def test_other_statuses_are_never_a_match(ground: Flask, status: int, why: str) -> None:
    with scripted(lambda _: (status, matches(_)[1])) as dukcapil, adapter(dukcapil.port) as registry:
        assert reason(registry) == why
        assert len(dukcapil.calls) == 1


def test_being_turned_away_leaves_the_breaker_shut(ground: Flask) -> None:
    with scripted(lambda _: (403, b"")) as dukcapil, adapter(dukcapil.port) as registry:
        assert {reason(registry) for _ in range(25)} == {"misconfigured"}
        assert len(dukcapil.calls) == 25


@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b'{"content": [{"NIK": "Se', b"[" * 100_000, b" " * 70_000])
def test_broken_and_huge_bodies_are_never_a_match(ground: Flask, body: bytes) -> None:
    with scripted(lambda _: (200, body)) as dukcapil, adapter(dukcapil.port) as registry:
        assert reason(registry) == "outage"


def test_an_empty_answer_is_nobody(ground: Flask) -> None:
    with scripted(lambda _: reply(quotaLimiter=5)) as dukcapil, adapter(dukcapil.port) as registry:
        assert verify(registry) is Verdict.NOT_FOUND


def test_an_open_breaker_asks_nothing_and_then_probes_once(ground: Flask) -> None:
    answers = [(500, b"")] * 5
    script = scripted(lambda call: answers.pop() if answers else matches(call))
    watch = Watch()
    with script as dukcapil, adapter(dukcapil.port, breaker=Breaker(now=watch)) as registry:
        for _ in range(8):
            assert reason(registry) == "outage"
        assert len(dukcapil.calls) == 5
        watch.now += 30
        assert verify(registry) is Verdict.MATCH
        assert verify(registry) is Verdict.MATCH


def test_only_the_pinned_authority_is_believed(ground: Flask, ours: Certificate, strangers: Certificate) -> None:
    with scripted(matches, strangers.server) as impostor, adapter(impostor.port, ours.pem) as registry:
        assert reason(registry) == "outage"
        assert impostor.calls == []
    with scripted(matches, ours.server) as dukcapil, adapter(dukcapil.port, ours.pem) as registry:
        assert verify(registry) is Verdict.MATCH


def test_dukcapil_is_asked_as_the_settings_say(ground: Flask, known: Settings, ours: Certificate) -> None:
    agus = facts()
    with scripted(matches, ours.server) as dukcapil:
        url = f"https://user:password@127.0.0.1:{dukcapil.port}/dukcapil/get_json/KEMNAKER"
        asking = known.model_copy(update={"civil_registry_ca": ours.pem, "civil_registry_caller_ip": "10.9.8.7"})
        registry = civil_registry.connect(url, asking)
        assert registry.verify(agus, 90, "registration") is Verdict.MATCH
        registry.close()
        stranger = civil_registry.connect(url, known.model_copy(update={"civil_registry_ca": None}))
        with pytest.raises(RegistryUnavailable):
            stranger.verify(agus, 90, "registration")
        stranger.close()
    (call,) = dukcapil.calls
    assert call.json["IP_USER"] == "10.9.8.7"


def test_without_a_pinned_authority_a_self_signed_certificate_is_refused(ground: Flask, ours: Certificate) -> None:
    with scripted(matches, ours.server) as dukcapil:
        url = f"https://user:password@127.0.0.1:{dukcapil.port}/dukcapil/get_json/KEMNAKER"
        registry = over_http(parse_endpoint(url, "X", "https"), "10.20.30.40", None, PATIENT)
        assert reason(registry) == "outage"
        registry.close()
        assert dukcapil.calls == []


def test_an_unusable_authority_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    endpoint = parse_endpoint("https://user:password@127.0.0.1/x", "X", "https")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=r"\.pem"):
            over_http(endpoint, "10.20.30.40", path)


def test_proxies_of_the_environment_are_not_asked(ground: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(matches) as proxy, scripted(matches) as dukcapil:
        monkeypatch.setitem(os.environ, "HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        with adapter(dukcapil.port) as registry:
            assert verify(registry) is Verdict.MATCH
        assert (len(proxy.calls), len(dukcapil.calls)) == (0, 1)


def quota_of(*left: int) -> Iterator[Reply]:
    return iter([reply(MATCH, quotaLimiter=number) for number in left])


def test_the_last_tenth_of_the_quota_is_for_recovery(ground: Flask) -> None:
    answers = quota_of(1000, 101, 100, 99)
    with scripted(lambda _: next(answers)) as dukcapil, adapter(dukcapil.port) as registry:
        for _ in range(3):
            assert verify(registry) is Verdict.MATCH
        assert reason(registry) == "quota"
        assert len(dukcapil.calls) == 3
        assert registry.verify(facts(), 95, "recovery") is Verdict.MATCH
        assert reason(registry) == "quota"


def test_a_new_day_in_jakarta_brings_a_new_quota(ground: Flask) -> None:
    with time_machine.travel("2026-03-02T16:59:59Z", tick=False) as clock:
        quota.record_remaining(1000)
        quota.record_remaining(50)
        with pytest.raises(RegistryUnavailable):
            quota.check_available("registration")
        quota.check_available("recovery")
        clock.shift(1)
        quota.check_available("registration")


def test_a_second_try_spends_quota_too(ground: Flask) -> None:
    quota.record_remaining(1000)
    wrong = MATCH | {"NAMA_LGKP": "Tidak Sesuai (70)"}
    with scripted(lambda _: reply(wrong, quotaLimiter=100)) as dukcapil, adapter(dukcapil.port) as registry:
        assert reason(registry, name="H. Agus") == "quota"
    assert len(dukcapil.calls) == 1


def test_without_a_store_nobody_is_asked(ground: Flask) -> None:
    ground.extensions["idp.storage.redis_store"] = connect("redis://127.0.0.1:1/0")
    with scripted(matches) as dukcapil, adapter(dukcapil.port) as registry:
        with pytest.raises(StoreUnavailable):
            verify(registry)
        assert dukcapil.calls == []


def demo(path: str, body: bytes, method: str = "POST") -> tuple[int, dict[str, Any]]:
    serve = server("127.0.0.1", 0, Registry(citizens(CITIZENS), "demo", "demo", quota=10))
    with serving(serve):
        connection = http.client.HTTPConnection("127.0.0.1", serve.server_port, timeout=5)
        connection.request(method, path, body)
        answer = connection.getresponse()
        said = answer.status, orjson.loads(answer.read())
        connection.close()
        return said


CALL = "/dukcapil/get_json/DEMO/CALL_VERIFY_BY_ELEMEN"
ASKED = {"USER_ID": "demo", "PASSWORD": "demo", "IP_USER": "127.0.0.1", "TRESHOLD": "90", "NIK": "9903030101750005",
         "NAMA_LGKP": "AGUS WIJAYA", "NAMA_LGKP_IBU": "BEDA"}  # fmt: skip


def test_the_demo_registry_answers_as_dukcapil_does() -> None:
    status, said = demo(CALL, orjson.dumps(ASKED))
    assert status == 200
    assert said == {
        "content": [{"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (100)", "NAMA_LGKP_IBU": "Tidak Sesuai (40)"}],
        "lastPage": True,
        "numberOfElements": 1,
        "sort": None,
        "totalElements": 1,
        "firstPage": True,
        "number": 0,
        "size": 1,
        "quotaLimiter": 9,
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PASSWORD": "x"}, "03"),
        ({"USER_ID": "x"}, "03"),
        ({"NIK": ""}, "07"),
        ({"TRESHOLD": 90}, "07"),
        ({"NIK": "3172011204850002"}, "13"),
    ],
)
def test_the_demo_registry_refuses_as_dukcapil_does(changes: dict[str, Any], code: str) -> None:
    status, said = demo(CALL, orjson.dumps(ASKED | changes))
    assert (status, said["content"][0]["RESPONSE_CODE"]) == (200, code)
    assert said["content"][0].keys() == {"RESPONSE_CODE", "RESPONSE", "RESPONSE_DESC"}


def test_the_demo_registry_survives_nonsense() -> None:
    assert demo("/elsewhere", b"{}")[0] == 404
    assert demo(CALL, b"", "GET")[0] == 404
    for body in (b"", b"[]", b"\xff", b"{" * 50_000):
        assert demo(CALL, body)[1]["content"][0]["RESPONSE_CODE"] == "07"


def test_the_slow_one_is_silent_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda self, seconds: waited.append(seconds))
    registry = Registry(citizens(CITIZENS), "demo", "demo")
    registry._slow()
    assert waited == [30]
