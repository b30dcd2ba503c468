"""Attacks by an address: what a client makes us fetch never reaches our own network, never follows, never lasts."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.core import clock
from idp.oidc.clients import fetch as fetching
from idp.oidc.clients import keys, registration
from idp.oidc.clients.fetch import MAX_BYTES, FetchRefused, fetch, post_form
from idp.oidc.logout import back_channel
from tests.attacks.test_jwts import OUR_KEY, assertion, signed, with_assertion
from tests.oidc.conftest import CALLBACK, RelyingParty, answer
from tests.waiting import wait_until

INSIDE = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
    "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[::]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]",
    "3232235777", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "192.168.257",
]  # fmt: skip
LOOPBACK = ["127.0.0.1", "localhost", "127.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433"]
NOT_HTTPS = [
    "http://8.8.8.8/",
    "file:///etc/passwd",
    "gopher://8.8.8.8/",
    "ftp://8.8.8.8/",
    "//8.8.8.8/",
    "https:///",
    "https://",
]
ODD = ["https://user@8.8.8.8/", "https://8.8.8.8:0/", "https://8.8.8.8:99999/", "https://8.8.8.8/#x", "https://[::1/"]


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> Flask:
    """As in production, as far as the fetcher is concerned."""
    app = make_app()
    known = app.extensions["idp.settings"]
    app.extensions["idp.settings"] = known.model_copy(update={"environment": "production"})
    return app


@contextmanager
def serving(answering: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that writes what it likes; its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answering(self)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("host", [*INSIDE, *LOOPBACK])
def test_an_address_inside_is_never_called(production: Flask, host: str) -> None:
    with production.app_context(), pytest.raises(FetchRefused, match=r"not a public address|not known"):
        fetch(f"https://{host}/")
    with production.app_context(), pytest.raises(FetchRefused, match=r"not a public address|not known"):
        post_form(f"https://{host}/", b"logout_token=x")


@pytest.mark.parametrize("host", INSIDE)
def test_neither_is_it_in_development(app: Flask, host: str) -> None:
    with app.app_context(), pytest.raises(FetchRefused, match=r"not a public address|not known"):
        fetch(f"https://{host}/")


@pytest.mark.parametrize("url", [*NOT_HTTPS, *ODD])
def test_only_https_and_nothing_odd(production: Flask, url: str) -> None:
    with production.app_context(), pytest.raises(FetchRefused, match="not an https address"):
        fetch(url)


@pytest.mark.parametrize("answers", [["10.0.0.7"], ["8.8.8.8", "10.0.0.7"], ["8.8.8.8", "::1"]], ids=str)
def test_a_name_that_points_inside(production: Flask, monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
    """Also when only one of several answers does: the connection might take that one."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in answers]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with production.app_context(), pytest.raises(FetchRefused, match="not a public address"):
        fetch("https://rebinding.example/")


def test_a_name_that_changes_its_mind(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name is asked once, and what was judged is what is called."""
    with serving(lambda to: _plain(to, b"{}")) as (url, asked):
        port = int(url.rpartition(":")[2])
        times: list[str] = []

        ask = socket.getaddrinfo

        def resolve(host: str, *more: Any, **named: Any) -> list[Any]:
            if host != "localhost":
                return ask(host, *more, **named)
            times.append(host)
            # Loopback may be called in a test; a second question would be answered with an address inside.
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1" if len(times) == 1 else "10.0.0.7", port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with app.app_context():
            assert fetch(f"http://localhost:{port}/keys").body == b"{}"
    assert times == ["localhost"]
    assert asked == ["/keys"]


def test_a_redirect_is_not_followed(app: Flask) -> None:
    def elsewhere(to: BaseHTTPRequestHandler) -> None:
        to.send_response(302)
        to.send_header("Location", "/inside")
        to.send_header("Content-Length", "0")
        to.end_headers()

    with serving(elsewhere) as (url, asked), app.app_context(), pytest.raises(FetchRefused, match="302"):
        fetch(url + "/outside")
    assert asked == ["/outside"]


def test_a_body_without_end(app: Flask) -> None:
    def huge(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        try:
            for _ in range(1000):
                to.wfile.write(b"x" * 16384)
        except OSError:
            pass  # they have hung up, as they should

    with serving(huge) as (url, _), app.app_context(), pytest.raises(FetchRefused, match="256 kB"):
        fetch(url)
    assert MAX_BYTES == 256 * 1024


@pytest.mark.parametrize("begin", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nX: "], ids=["body", "headers"])
def test_an_answer_that_drips(app: Flask, monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr("idp.oidc.clients.fetch.TIMEOUT", 1.0)
    with serving(lambda to: _drip(to, begin)) as (url, _), app.app_context():
        begun = time.monotonic()
        with pytest.raises(FetchRefused, match="too slowly"):
            fetch(url)
        assert time.monotonic() - begun < 14, "so many seconds in all, however the bytes are spread over fifteen"


def test_a_request_uri_that_nobody_registered_is_not_fetched(wlkp: RelyingParty, browser: FlaskClient) -> None:
    with serving(lambda to: _plain(to, b"x.y.z")) as (url, asked):
        told = answer(browser.get(wlkp.url(request_uri=f"{url}/request")))
    assert told["error"] == "invalid_request_uri"
    assert asked == []


@pytest.mark.parametrize("member", ["jwks_uri", "sector_identifier_uri", "request_uris", "backchannel_logout_uri", "logo_uri"])
@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00:ec2::254]"])
def test_registering_an_address_inside_makes_us_call_nobody(app: Flask, only_loopback: list[Any], member: str, host: str) -> None:
    """Sectors are fetched at once and refused; the others are judged at the moment of the call, whatever the name says then."""
    with app.app_context():
        bearer = {"Authorization": f"Bearer {registration.issue_initial_access_token(1, 3600)}"}
    uri, before = f"https://{host}/x", list(only_loopback)
    asked = {"redirect_uris": [CALLBACK], member: [uri] if member == "request_uris" else uri}
    response = app.test_client().post("/register", data=json.dumps(asked), content_type="application/json", headers=bearer)
    assert only_loopback == before, "nobody was called"
    if member == "sector_identifier_uri":
        assert response.status_code == 400


# -- whatever makes us call: in production the servers below, which lie inside, are asked by nobody ------------------------

KEYS = json.dumps({"keys": [OUR_KEY.as_dict(private=False)]}).encode()
SIGNER = {"client_secret_hash": None, "token_endpoint_auth_method": "private_key_jwt"}


@pytest.fixture
def to_production(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on, as far as the fetcher is concerned."""
    known = app.extensions["idp.settings"].model_copy(update={"environment": "production"})
    return lambda: monkeypatch.setitem(app.extensions, "idp.settings", known)


def test_keys_inside_prove_nobody(register: Callable[..., RelyingParty], to_production: Callable[[], None]) -> None:
    with serving(lambda to: _plain(to, KEYS)) as (url, asked):
        party = register("signer", jwks_uri=url, **SIGNER)
        assert with_assertion(party, signed(assertion(party))).status_code == 200, "refused below for its own reason"
        keys.forget_key_set(url)
        to_production()
        assert with_assertion(party, signed(assertion(party))).json["error"] == "invalid_client"
    assert len(asked) == 1


def test_a_request_inside_is_not_read(
    register: Callable[..., RelyingParty], browser: FlaskClient, to_production: Callable[[], None]
) -> None:
    wanted: dict[str, Any] = {}
    with serving(lambda to: _plain(to, signed(wanted).encode())) as (url, asked):
        party = register("signer", jwks=json.loads(KEYS), request_uris=(f"{url}/r",), **SIGNER)
        wanted |= {"iss": party.id, "aud": party.issuer, "client_id": party.id, "exp": clock.timestamp() + 60}
        assert party.code(browser, request_uri=f"{url}/r"), "refused below for its own reason"
        to_production()
        assert answer(browser.get(party.url(request_uri=f"{url}/r")))["error"] == "invalid_request_uri"
    assert len(asked) == 1


def test_a_logout_notice_goes_nowhere_inside(
    app: Flask, register: Callable[..., RelyingParty], siti: str, to_production: Callable[[], None]
) -> None:
    with serving(lambda to: _plain(to, b"")) as (url, asked):
        party = register("shop", backchannel_logout_uri=url.replace("http:", "https:"))
        to_production()
        with app.app_context():
            back_channel.notify("sid", siti, {party.id})
            told = wait_until(lambda: back_channel.statuses()[0].last_answer)
    assert told == "not an https address", "on a port of its own nothing is called"
    assert asked == []


def test_nor_to_the_usual_port_inside(
    app: Flask, register: Callable[..., RelyingParty], siti: str, to_production: Callable[[], None]
) -> None:
    party = register("shop", backchannel_logout_uri="https://127.0.0.1/logout")
    to_production()
    with app.app_context():
        back_channel.notify("sid", siti, {party.id})
        assert wait_until(lambda: back_channel.statuses()[0].last_answer) == "its host is not a public address"


def test_a_server_that_drips_keeps_no_other_client_waiting(register: Callable[..., RelyingParty]) -> None:
    """Its own requests wait, once; asking again at once does not make us wait again."""

    def answering(to: BaseHTTPRequestHandler) -> None:
        _plain(to, KEYS) if to.path == "/keys" else _drip(to, b"HTTP/1.0 200 OK\r\n\r\n")

    with serving(answering) as (url, asked), ThreadPoolExecutor(1) as pool:
        slow, quick = register("slow", jwks_uri=f"{url}/drip", **SIGNER), register("quick", jwks_uri=f"{url}/keys", **SIGNER)
        waiting = pool.submit(lambda: with_assertion(slow, signed(assertion(slow))))
        wait_until(lambda: "/drip" in asked)
        assert with_assertion(quick, signed(assertion(quick))).status_code == 200
        assert not waiting.done(), "served beside it, and not after it"
        assert waiting.result().json["error"] == "invalid_client"
        assert with_assertion(slow, signed(assertion(slow))).json["error"] == "invalid_client"
        assert asked.count("/drip") == 1


def _drip(to: BaseHTTPRequestHandler, begin: bytes) -> None:
    try:
        to.wfile.write(begin)
        for _ in range(60):
            to.wfile.write(b"x")
            to.wfile.flush()
            time.sleep(0.25)
    except OSError:
        pass  # they have hung up


def _plain(to: BaseHTTPRequestHandler, body: bytes) -> None:
    to.send_response(200)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    to.wfile.write(body)


@pytest.mark.parametrize(
    "host",
    [
        "fec0::1",
        "::127.0.0.1",
        "::10.0.0.1",
        "::8.8.8.8",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "64:ff9b::a00:1",
        "::",
        "fd00::1",
    ],
)
def test_addresses_that_only_look_public_are_not_called(here: Flask, host: str) -> None:
    """S21: site-local, IPv4-compatible, documentation and segment routing pass for global addresses in Python's tables."""
    assert not addresses_allowed(host)


def addresses_allowed(host: str) -> bool:
    return fetching._may_be_called(ip_address(host))


def test_public_addresses_are_called(here: Flask) -> None:
    """S21: what the list must not take along."""
    assert all(map(addresses_allowed, ("8.8.8.8", "2001:4860:4860::8888", "2606:4700::1111")))


@pytest.mark.parametrize("port", ["22", "25", "80", "6379", "8443", "0", "65536"])
def test_other_ports_are_not_called(here: Flask, port: str) -> None:
    """S21: an https request to a mail or database server is still a request."""
    assert not fetching.allowed_url(f"https://rp.example:{port}/keys")
    assert fetching.allowed_url("https://rp.example:443/keys")
    assert fetching.allowed_url("https://rp.example/keys")
