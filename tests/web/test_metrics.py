"""Numbers for operators: who may read them, what they hold, and that they hold nobody."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from idp.audit import trail
from idp.core.settings import Settings
from idp.storage.database import db
from idp.web import management

TOKEN = "a-token-of-thirty-two-characters-or-more"


@pytest.fixture
def counting(make_app: Callable[..., Flask]) -> Iterator[Callable[..., FlaskClient]]:
    """Applications that count, as somebody on another machine sees them."""
    made = []

    def build(**changes: Any) -> FlaskClient:
        made.append(make_app(**changes))
        client = made[-1].test_client()
        client.environ_base["REMOTE_ADDR"] = "10.1.2.3"
        return client

    yield build
    for app in made:
        with app.app_context():
            db.engine.dispose()


def numbers(client: FlaskClient, **headers: str) -> dict[tuple[str, ...], float]:
    """Every number, by name and values of labels."""
    told = client.get("/metrics", headers=headers)
    assert told.status_code == 200
    assert told.headers["Cache-Control"] == "no-store"
    found = [sample for family in text_string_to_metric_families(told.get_data(as_text=True)) for sample in family.samples]
    return {(s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for s in found if s.name.endswith("_total")}


def test_nothing_is_counted_or_shown_unless_somebody_may_read_it(app: Flask) -> None:
    assert app.test_client().get("/metrics").status_code == 404
    assert "idp.web.metrics" not in app.extensions


def test_requests_refusals_and_events_are_counted(counting: Any) -> None:
    client = counting(metrics_from=("10.0.0.0/8",))
    client.get("/")
    client.get("/nowhere/081234567890")
    client.post("/token", data={"grant_type": "password"})
    client.get("/authorize?client_id=nobody")
    with client.application.test_request_context():
        trail.record("sign_in_failed", account="the-subject", client="wlkp")
    found = numbers(client)
    assert found["idp_requests_total", "pages.home", "200"] == 1
    assert found["idp_requests_total", "none", "404"] == 1
    assert (
        found["idp_requests_total", "oidc.token", "400"]
        == found["idp_refusals_total", "oidc.token", "unsupported_grant_type"]
        == 1
    )
    assert found["idp_refusals_total", "oidc.authorize", "invalid_client"] == 1
    assert found["idp_events_total", "sign_in_failed"] == 1


def test_nobody_is_in_them(counting: Any) -> None:
    client = counting(metrics_from=("10.1.2.3",))
    client.get("/nowhere/9901015708900001?nik=9901015708900001", headers={"User-Agent": "siti@surat.example"})
    client.post("/token", data={"grant_type": "authorization_code", "client_id": "siti@surat.example", "code": "secret-code"})
    with client.application.test_request_context():
        trail.record("sign_in", account="the-subject", client="wlkp")
    told = client.get("/metrics").get_data(as_text=True)
    # Whole, and not by their first digits: a count or a time may have those by chance.
    for word in ("9901015708900001", "siti", "secret-code", "the-subject", "wlkp", "10.1.2.3"):
        assert word not in told


def test_others_are_not_told_that_there_is_anything(counting: Any) -> None:
    client = counting(metrics_from=("192.0.2.7", "10.9.0.0/16"))
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 404


def test_an_address_behind_a_proxy_that_we_were_not_told_of_is_not_believed(counting: Any) -> None:
    client = counting(metrics_from=("10.1.2.3",))
    assert client.get("/metrics").status_code == 200
    for header in ("X-Forwarded-For", "Forwarded"):
        assert client.get("/metrics", headers={header: "for=198.51.100.1"}).status_code == 404


def test_behind_our_own_proxy_the_readers_own_address_counts(counting: Any) -> None:
    client = counting(metrics_from=("192.0.2.7",), trusted_proxies=("10.1.2.3",))
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 404


@pytest.mark.parametrize(("shown", "status"), [(f"Bearer {TOKEN}", 200), ("Bearer ", 404), ("Bearer x" + TOKEN, 404), ("é", 404)])
def test_a_token_opens_them_from_anywhere(counting: Any, shown: str, status: int) -> None:
    client = counting(metrics_token=TOKEN)
    assert client.get("/metrics", headers={"Authorization": shown}).status_code == status
    assert client.get("/metrics").status_code == 404
    assert TOKEN not in repr(client.application.extensions["idp.settings"])


@pytest.mark.parametrize("name", ["trusted_proxies", "metrics_from"])
def test_what_is_no_network_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(ValueError, match="networks"):
        Settings(**{name: "10.0.0.0/8, somewhere"})


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Settings(metrics_token="short")


WORKER = """
import sys
from pathlib import Path
from flask import Flask
from idp.web import metrics
from idp.core.settings import Settings
loaded = Settings(var=Path(sys.argv[1]), metrics_from=("127.0.0.1",))
if sys.argv[2] == "start":
    metrics.share_between_workers(loaded)
app = Flask("worker")
app.extensions["idp.settings"] = loaded
metrics.init_app(app)
app.add_url_rule("/", "home", lambda: "")
client = app.test_client()
client.get("/")
print([line for line in client.get("/metrics").text.splitlines() if "home" in line])
"""


@pytest.mark.slow
def test_any_worker_tells_the_sum_of_all(tmp_path: Any) -> None:
    def runs(how: str) -> str:
        files = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")} if how == "join" else {}
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path), how], env=os.environ | files, capture_output=True, check=True, text=True
        )
        return done.stdout

    assert "2.0" in (runs("start"), runs("join"))[1]
    assert "1.0" in runs("start"), "a new start counts anew"


def test_counting_costs_next_to_nothing(counting: Any) -> None:
    meters = counting(metrics_from=("10.1.2.3",)).application.extensions["idp.web.metrics"]
    meters.ended("oidc.token", 200)
    began = time.perf_counter()
    for _ in range(10_000):
        meters.ended("oidc.token", 200)
    assert (time.perf_counter() - began) / 10_000 < 50e-6, "seconds for one request"


def test_how_long_answers_take_is_told_by_endpoint(counting: Any) -> None:
    """O12: with three metrics nobody saw that answers grew slow. Programs' calls are in it, though Flask does not route them."""
    client = counting(metrics_from=("10.1.2.3",))
    client.get("/")
    client.post("/token", data={"grant_type": "password"})
    told = client.get("/metrics").get_data(as_text=True)
    for endpoint in ("pages.home", "oidc.token"):
        assert f'idp_request_seconds_count{{endpoint="{endpoint}"}} 1.0' in told
        assert f'idp_request_seconds_bucket{{endpoint="{endpoint}",le="+Inf"}} 1.0' in told


def test_with_a_port_of_their_own_probes_and_numbers_are_nowhere_else(make_app: Callable[..., Flask]) -> None:
    """O4: a flood of requests kept every thread, and the probes waited behind them."""
    apps = [make_app(management_port=9101, issuer="https://id.example.go.id") for _ in range(2)]
    try:
        public = apps[0].test_client()
        for path in management.PATHS:
            assert public.get(path).status_code == 404, path
        workers = [True]
        probes = Client(management.only_probes(apps[1], lambda: workers[0]))
        assert [probes.get(path).status_code for path in management.PATHS] == [200, 200, 200]
        assert probes.get("/authorize").status_code == 404
        workers[0] = False
        assert (probes.get("/healthz").status_code, probes.get("/readyz").status_code) == (503, 200)
    finally:
        for app in apps:
            with app.app_context():
                db.engine.dispose()
