"""The way into the operator's own network: for the clients of clients.yaml alone, and only where it was opened."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from idp.core.settings import ConfigError, load_settings
from idp.oidc.clients.fetch import FetchRefused, fetch, post_form
from tests.attacks.test_jwts import OUR_KEY, assertion, signed, with_assertion
from tests.oidc.conftest import RelyingParty
from tests.service_certificates import certified

KEYS = json.dumps({"keys": [OUR_KEY.as_dict(private=False)]}).encode()


class Keys(BaseHTTPRequestHandler):
    """A service's key set."""

    def do_GET(self) -> None:
        """The keys, whatever is asked for."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(KEYS)))
        self.end_headers()
        self.wfile.write(KEYS)

    def do_POST(self) -> None:
        """Takes what comes."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def inside(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of the ministry's own network, with a certificate of its own authority, while we are in production."""
    authority = certified("authority", authority=True)
    ours = certified("jkp", by=authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.files(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setattr(socket, "getaddrinfo", _named(socket.getaddrinfo, server.server_port))
    changes = {"environment": "production", "fetch_networks": ("127.0.0.0/8",), "fetch_ca": Path(authority.files(tmp_path)[0])}
    monkeypatch.setitem(app.extensions, "idp.settings", app.extensions["idp.settings"].model_copy(update=changes))
    yield f"https://jkp.example.go.id:{server.server_port}/keys"
    server.shutdown()
    thread.join()
    server.server_close()


def _named(ask: Callable[..., Any], port: int) -> Callable[..., Any]:
    """Name resolution that knows one name more."""

    def resolve(host: str, *more: Any, **named: Any) -> Any:
        if host == "jkp.example.go.id":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        return ask(host, *more, **named)

    return resolve


def _change(app: Flask, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setitem(app.extensions, "idp.settings", app.extensions["idp.settings"].model_copy(update=changes))


def test_a_service_inside_is_called_with_its_own_authority(inside: str, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """R9: keys are read and notices delivered; without the authority, or the network, nobody is called."""
    with app.app_context():
        assert fetch(inside, of_operator=True).body == KEYS
        assert post_form(inside, b"logout_token=x", of_operator=True).status == 200
        with pytest.raises(FetchRefused, match="not an https address"):
            fetch(inside)
        _change(app, monkeypatch, fetch_ca=None)
        with pytest.raises(FetchRefused, match="ConnectError"):
            fetch(inside, of_operator=True)
        _change(app, monkeypatch, fetch_networks=("10.0.0.0/8",))
        with pytest.raises(FetchRefused, match="not a public address"):
            fetch(inside, of_operator=True)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "224.0.0.1",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
    ],
)
def test_where_clouds_keep_their_secrets_nobody_is_sent(here: Flask, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """R9: whatever networks an operator has opened."""
    _change(here, monkeypatch, fetch_networks=("0.0.0.0/0", "::/0"))
    with pytest.raises(FetchRefused, match="not a public address"):
        fetch(f"https://{host}/", of_operator=True)


def test_what_lies_inside_proves_the_operators_clients_alone(
    inside: str, app: Flask, register: Callable[..., RelyingParty]
) -> None:
    """R9: a stranger who names the same address is not served from what was read for the operator's client."""
    signer = {"client_secret_hash": None, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": inside}
    ours, stranger = register("ours", **signer), register("stranger", **signer)
    app.extensions["idp.clients"].known["ours"].written_by_operator()
    assert with_assertion(ours, signed(assertion(ours))).status_code == 200
    assert with_assertion(stranger, signed(assertion(stranger))).json["error"] == "invalid_client"


def test_a_file_without_certificates_is_told_before_anybody_is_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for text in ("", "no certificate"):
        (tmp_path / "ca.pem").write_text(text)
        monkeypatch.setenv("IDP_FETCH_CA", str(tmp_path / "ca.pem"))
        with pytest.raises(ConfigError, match=r"IDP_FETCH_CA.*certificates in PEM"):
            load_settings()
    monkeypatch.setenv("IDP_FETCH_CA", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="IDP_FETCH_CA"):
        load_settings()
