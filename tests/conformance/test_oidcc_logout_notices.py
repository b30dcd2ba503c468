"""Back-channel and front-channel logout: modules of their plans, over a client that listens."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from idp.oidc.logout import back_channel
from tests.conformance.suite import CALLBACK, Flow, SuiteClient
from tests.conftest import Outbox
from tests.simple_browser import Page
from tests.waiting import wait_until

OUT = "https://suite.example/post_logout"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Listener:
    """A client's back-channel endpoint: what arrived, and what it answers."""

    url: str = ""
    status: int = 200
    arrived: "Queue[dict[str, list[str]]]" = field(default_factory=Queue)

    def token(self) -> str:
        """The next logout token that arrives."""
        form = self.arrived.get(timeout=60)
        assert form.keys() == {"logout_token"}
        return form["logout_token"][0]

    def hears_nothing(self, outbox: Outbox) -> bool:
        """Whether nothing more arrives: what is on its way behind an answer is waited for."""
        outbox.settles()
        return self.arrived.empty()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A back-channel endpoint on loopback."""
    heard = Listener()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(heard.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            heard.arrived.put(parse_qs(body))

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    heard.url = f"http://127.0.0.1:{server.server_port}/backchannel"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


def leaves(client: SuiteClient, hint: str) -> None:
    """RP-initiated logout."""
    client.browser.open(logout_url(client, hint))


def logout_url(client: SuiteClient, hint: str) -> str:
    """Where RP-initiated logout begins."""
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": OUT, "state": "bye"}
    return f"{client.issuer}/logout?{urlencode(asked)}"


def header_of(token: str) -> dict[str, str]:
    """The header of a JWS."""
    part = token.split(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def test_oidcc_backchannel_rp_initiated_logout(register, listener, outbox):
    client = register(post_logout_redirect_uris=(OUT,), backchannel_logout_uri=listener.url)
    result = client.signs_in()
    leaves(client, result.id_token)
    token = listener.token()
    claims = client.verified(token)
    assert header_of(token)["typ"] == "logout+jwt"
    assert (claims["sub"], claims["sid"]) == (result.claims["sub"], result.claims["sid"])
    assert claims["events"] == {EVENT: {}}
    assert claims["jti"]
    assert claims["exp"] - claims["iat"] <= 120
    assert "nonce" not in claims
    assert client.browser.url_of_service == f"{OUT}?state=bye"
    assert listener.hears_nothing(outbox)
    client.sends(prompt="none")
    assert client.answered()["error"] == "login_required"


def test_every_client_of_the_session_is_told_and_no_other(register, listener, outbox):
    first = register(post_logout_redirect_uris=(OUT,), backchannel_logout_uri=listener.url)
    second = register("suite2", backchannel_logout_uri=listener.url)
    register("suite3", backchannel_logout_uri=listener.url)
    hint = first.signs_in().id_token
    second.signs_in()
    leaves(first, hint)
    tokens = [listener.token(), listener.token()]
    assert {audience_of(token) for token in tokens} == {"suite", "suite2"}
    assert listener.hears_nothing(outbox)


def audience_of(token: str) -> str:
    """Whom a logout token is for."""
    part = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["aud"])


def test_an_implicit_client_is_told_too(register, listener):
    told = {"post_logout_redirect_uris": (OUT,), "backchannel_logout_uri": listener.url}
    client = register(flow=Flow("id_token"), **told)
    result = client.signs_in()
    leaves(client, result.id_token)
    assert client.verified(listener.token())["sid"] == result.claims["sid"]


def test_a_client_that_fails_is_told_again_later(register, listener, house, clock):
    listener.status = 503
    client = register(post_logout_redirect_uris=(OUT,), backchannel_logout_uri=listener.url)
    leaves(client, client.signs_in().id_token)
    listener.token()
    wait_until_noted(house, "503")
    listener.status = 200
    clock.shift(back_channel.LEASE + back_channel.RETRY_DELAYS[0] + 1)
    with house.app.app_context():
        assert back_channel.deliver_due() == 1
        listener.token()
        clock.shift(3600)
        assert back_channel.deliver_due() == 0
        (status,) = back_channel.statuses()
    assert (status.pending, status.delivered, status.last_answer) == (0, 1, "200")


def wait_until_noted(house, answer: str) -> None:
    """Until the answer is written down: the background is a moment behind the client."""
    with house.app.app_context():
        wait_until(lambda: [status.last_answer for status in back_channel.statuses()] == [answer])


def test_oidcc_frontchannel_rp_initiated_logout(register):
    """Frames with exactly `iss` and `sid`; the page goes on by itself, also where no script runs."""
    uri = CALLBACK.replace("/callback", "/frontchannel")
    client = register(post_logout_redirect_uris=(OUT,), frontchannel_logout_uri=uri)
    result = client.signs_in()
    shown = client.browser.client.get(logout_url(client, result.id_token))  # as it is, before it goes on
    frame = Page(str(shown.url), shown.status_code, shown.text).attributes["iframe"]["src"]
    assert frame.startswith(uri + "?")
    assert parse_qs(urlsplit(frame).query) == {"iss": [client.issuer], "sid": [result.claims["sid"]]}
    headers = shown.headers
    assert headers["Refresh"].endswith(f"url={OUT}?state=bye")
    assert "https://suite.example" in directive(headers["Content-Security-Policy"], "frame-src")
    client.sends(prompt="none")
    assert client.answered()["error"] == "login_required"


def directive(policy: str, name: str) -> str:
    """One directive of a content security policy."""
    return next((part for part in policy.split(";") if part.strip().startswith(name)), "")
