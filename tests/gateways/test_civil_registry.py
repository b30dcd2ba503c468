"""One suite for the civil registry, against the real adapter over HTTP and HTTPS and against the stand-in in process."""

import threading
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from idp.core.settings import ConfigError, Settings
from idp.core.values import FullName, Nik
from idp.gateways import civil_registry, demo_registry
from idp.gateways.civil_registry import (
    THRESHOLDS,
    CivilRegistry,
    Facts,
    RegistryUnavailable,
    Verdict,
    over_http,
)
from idp.gateways.demo_registry import Registry, citizens, server
from idp.gateways.endpoints import parse_endpoint
from tests.gateways.conftest import CITIZENS
from tests.gateways.servers import Certificate, serving, timeouts_of

REGISTER = THRESHOLDS["registration"]
RECOVER = THRESHOLDS["recovery"]
AGUS = ("9903030101750005", "Agus Wijaya", "Tuti Herawati")


def facts(nik: str = AGUS[0], name: str = AGUS[1], mother: str = AGUS[2]) -> Facts:
    return Facts(Nik.parse(nik), FullName.parse(name), FullName.parse(mother))


@pytest.fixture(params=["http", "https", "fixture"])
def registry(request: pytest.FixtureRequest, ground: Flask, ours: Certificate) -> Iterator[CivilRegistry]:
    if request.param == "fixture":
        stand_in = civil_registry.stand_in(CITIZENS)
        yield stand_in
        stand_in.close()
        return
    over = threading.Event()
    application = Registry(citizens(CITIZENS), "siapkerja", "p@ss/word", slow=lambda: over.wait(60) and None)
    if request.param == "http":
        serve = server("127.0.0.1", 0, application)
    else:
        serve = make_server("127.0.0.1", 0, application, threaded=True, ssl_context=(str(ours.pem), str(ours.key)))
    url = f"{request.param}://siapkerja:p%40ss%2Fword@127.0.0.1:{serve.server_port}/dukcapil/get_json/KEMNAKER"
    endpoint = parse_endpoint(url, "IDP_CIVIL_REGISTRY_URL", "https", "http")
    ca = ours.pem if request.param == "https" else None
    with serving(serve):
        real = over_http(endpoint, "10.20.30.40", ca, timeouts_of(request))
        yield real
        over.set()
        real.close()


@pytest.mark.parametrize("citizen", citizens(CITIZENS), ids=lambda citizen: citizen.nik)
def test_everybody_is_who_they_are(registry: CivilRegistry, citizen: demo_registry.Citizen) -> None:
    asked = facts(citizen.nik, citizen.name.title(), f" {citizen.mothers_name.lower()} ")
    assert registry.verify(asked, RECOVER, "recovery") is Verdict.MATCH


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        (facts(name="H. Agus Wijaya, S.H., M. M.", mother="Hj. Tuti Herawati"), Verdict.MATCH),
        (facts("9902022305920003", "Muhammad Nu\u2019man Al-Farisi", "Siti Ma`rifah"), Verdict.MATCH),
        (facts(name="Joko Susilo"), Verdict.MISMATCH),
        (facts(mother="Ratna"), Verdict.MISMATCH),
        (facts(name="Dr. Joko Susilo"), Verdict.MISMATCH),
        (facts(mother="Beda"), Verdict.MISMATCH),
        (facts("9901011204859999", "Budi Santoso"), Verdict.NOT_FOUND),
        (facts("3172011204850002", "Budi Santoso"), Verdict.NOT_FOUND),
        (facts(name="Tiada"), Verdict.NOT_FOUND),
        (facts(name="Si Wafat"), Verdict.NEEDS_ATTENTION),
        (facts(name="Ganda"), Verdict.NEEDS_ATTENTION),
        (facts("9901011204859999", name="Nonaktif"), Verdict.NEEDS_ATTENTION),
    ],
    ids=range(12),
)
def test_verdicts(registry: CivilRegistry, asked: Facts, verdict: Verdict) -> None:
    assert registry.verify(asked, REGISTER, "registration") is verdict


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Gagal", "outage"),
        pytest.param("Lambat", "outage", marks=pytest.mark.late),
        ("Rusak", "outage"),
        ("Kuota", "quota"),
        ("Jam", "closed"),
        ("Ip", "misconfigured"),
    ],
)
def test_nothing_is_learned(registry: CivilRegistry, name: str, reason: str) -> None:
    with pytest.raises(RegistryUnavailable) as unavailable:
        registry.verify(facts(name=name), REGISTER, "registration")
    assert unavailable.value.reason == reason


def test_magic_is_for_province_99_only(registry: CivilRegistry) -> None:
    for name in ("Gagal", "Kuota", "Wafat"):
        assert registry.verify(facts("3172011204850002", name), REGISTER, "registration") is Verdict.NOT_FOUND


def test_nearly_the_same_is_enough_to_register_but_not_to_recover(registry: CivilRegistry) -> None:
    nearly = facts(mother="Hampir")
    assert registry.verify(nearly, REGISTER, "registration") is Verdict.MATCH
    assert registry.verify(nearly, RECOVER, "recovery") is Verdict.MISMATCH


def test_it_recovers_from_outages(registry: CivilRegistry) -> None:
    for _ in range(4):
        with pytest.raises(RegistryUnavailable):
            registry.verify(facts(name="Gagal"), REGISTER, "registration")
    assert registry.verify(facts(), REGISTER, "registration") is Verdict.MATCH


def test_five_outages_in_a_row_open_the_breaker(registry: CivilRegistry) -> None:
    for _ in range(5):
        with pytest.raises(RegistryUnavailable):
            registry.verify(facts(name="Gagal"), REGISTER, "registration")
    with pytest.raises(RegistryUnavailable) as unavailable:
        registry.verify(facts(), REGISTER, "registration")
    assert unavailable.value.reason == "outage"


def test_answers_that_are_no_outage_leave_the_breaker_shut(registry: CivilRegistry) -> None:
    for name in ("Kuota", "Jam", "Ip", "Tiada", "Wafat") * 5:
        with suppress(RegistryUnavailable):
            registry.verify(facts(name=name), REGISTER, "registration")
    assert registry.verify(facts(), REGISTER, "registration") is Verdict.MATCH


def test_the_log_tells_the_cost_and_nothing_of_the_person(
    registry: CivilRegistry, logged: list[MutableMapping[str, Any]]
) -> None:
    registry.verify(facts(mother="Beda"), REGISTER, "registration")
    registry.verify(facts(name="Tiada"), REGISTER, "registration")
    for name in ("Gagal", "Rusak"):
        with pytest.raises(RegistryUnavailable, match=r"^outage$"):
            registry.verify(facts(name=name), REGISTER, "registration")
    (first, *_) = [entry for entry in logged if entry["event"] == "civil_registry"]
    assert first["outcome"] == "mismatch"
    assert first["ms"] >= 0
    assert first["quota"] > 0
    assert first["nik_index"].startswith("k1.")
    assert first["transaction"]
    everything = repr(logged).upper()
    for secret in (AGUS[0], "AGUS", "WIJAYA", "TUTI", "BEDA", "SIAPKERJA", "P@SS", "P%40SS"):
        assert secret not in everything, secret
    assert {entry["code"] for entry in logged if entry["event"] == "civil_registry"} == {"", "13", None}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://user:hunter2@10.0.0.1/dukcapil/get_json/X", "loopback"),
        ("https://10.0.0.1/dukcapil/get_json/X", "user:password"),
        ("https://user:hunter2@10.0.0.1/", "get_json"),
        ("ftp://user:hunter2@10.0.0.1/dukcapil/get_json/X", "https://"),
        ("https://user:hunter2@[10.0.0.1/dukcapil", "not a URL"),
        ("fixture:/nowhere/citizens.yaml", "cannot be read"),
    ],
)
def test_an_unusable_url_is_one_sentence_without_the_password(known: Settings, url: str, words: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        civil_registry.connect(url, known)
    assert words in str(wrong.value)
    assert "hunter2" not in str(wrong.value)


def test_production_refuses_the_stand_in(known: Settings) -> None:
    with pytest.raises(ConfigError):
        civil_registry.connect(f"fixture:{CITIZENS}", known.model_copy(update={"environment": "production"}))


def test_the_real_one_is_connected_by_url(known: Settings) -> None:
    url = "https://user:password@10.0.0.1:8000/dukcapil/get_json/KEMNAKER"
    registry = civil_registry.connect(url, known)
    assert isinstance(registry, civil_registry.DukcapilRegistry)
    registry.close()


@pytest.mark.parametrize(
    "text",
    [
        "- {nik: '3172011204850002', name: Budi, mothers_name: Sri}",
        "- {nik: '9901011304850002', name: Budi}",
        "- {nik: 9901011304850002, name: Budi, mothers_name: Sri}",
        "people: []\n- x",
        "- just text",
    ],
)
def test_citizens_are_fictional_and_whole(tmp_path: Any, text: str) -> None:
    path = tmp_path / "citizens.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        citizens(path)
