"""The other side of the gateways, on loopback: scripted HTTP, an SMS provider in three dialects, certificates."""

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from idp.gateways.delivery import Receipt
from idp.gateways.http_client import Timeouts


@dataclass
class Call:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


Reply = tuple[int, bytes]

# Whoever is to answer in time has time, on however busy a machine; whoever is to be too late is waited for briefly.
PATIENT = Timeouts(connect=30, read=30, total=60)
QUICK = Timeouts(connect=30, read=0.7, total=30)


def timeouts_of(request: pytest.FixtureRequest) -> Timeouts:
    """Brief ones for tests that are marked `late`."""
    return QUICK if request.node.get_closest_marker("late") else PATIENT


@dataclass
class Watch:
    """A clock for breakers, which a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scripted:
    """An HTTP server that answers what `script` returns, late by what it waits; `over` ends every wait at teardown."""

    script: Callable[[Call], Reply]
    calls: list[Call] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    trickle: float = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    def silence(self, seconds: float = 60) -> None:
        self.over.wait(seconds)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        call = Call(handler.path, dict(handler.headers), body)
        with self.lock:
            self.calls.append(call)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            status, reply = self.script(call)
            self._write(handler, status, reply)
        except OSError:
            handler.close_connection = True
        finally:
            with self.lock:
                self.at_once -= 1

    def _write(self, handler: BaseHTTPRequestHandler, status: int, reply: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(reply)))
        handler.end_headers()
        if not self.trickle:
            handler.wfile.write(reply)
            return
        for byte in reply:
            if self.over.wait(self.trickle):
                return
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()


@contextmanager
def scripted(script: Callable[[Call], Reply], tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """Serves until the block ends."""
    state = Scripted(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            state.answer(self)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False
        block_on_close = False
        request_queue_size = 64

        def get_request(self) -> Any:
            taken = super().get_request()
            state.connections += 1
            return taken

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that hangs up is what these tests are about

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state.port = server.server_port
    with serving(server):
        try:
            yield state
        finally:
            state.over.set()


@contextmanager
def serving(server: Any) -> Iterator[None]:
    """Runs `serve_forever` in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()


@dataclass
class Silent:
    """A provider that takes whatever comes and answers only when it may."""

    may: threading.Event = field(default_factory=threading.Event)
    answered: list[Any] = field(default_factory=list)

    def send(self, to: Any, *_: Any) -> Receipt:
        assert self.may.wait(60), "nobody has let it answer"
        self.answered.append(to)
        return Receipt.ACCEPTED


@contextmanager
def silent_gateway(app: Flask, name: str) -> Iterator[Silent]:
    """Until the block ends the application's gateway `name` answers nobody; then all who wait, and they are waited for."""
    gateway = app.extensions[name] = Silent()
    try:
        yield gateway
    finally:
        gateway.may.set()
        app.extensions.pop("idp.core.background").shutdown()


class Provider:
    """An SMS provider that speaks all three dialects and fails by the ending of the number, as the stand-ins do."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, str]] = []
        self.silence: Callable[[], None] = lambda: None

    def __call__(self, call: Call) -> Reply:
        if call.path.startswith("/v2/otp/send"):
            return self._verihubs(call)
        if call.path.startswith(("/masking/", "/reguler/")):
            return self._zenziva(call)
        return self._json(call)

    def _take(self, to: str, text: str) -> str:
        ending = to[-4:]
        if ending not in ("0002", "0005", "0006", "0004"):
            self.arrived.append((to, text))
        if ending == "0003":
            self.silence()
        return ending

    def _json(self, call: Call) -> Reply:
        if call.headers.get("Authorization") != "Bearer p@ss/word":
            return 401, b"{}"
        ending = self._take(call.json["to"], call.json["text"])
        status = {"0002": 400, "0005": 409, "0006": 429}.get(ending, 202)
        return status, json.dumps({"id": call.json["reference"], "text": call.json["text"]}).encode()

    def _zenziva(self, call: Call) -> Reply:
        known = (call.form["userkey"], call.form["passkey"]) == ("user", "p@ss/word")
        ending = self._take("+62" + call.form["to"][1:], call.form["message"])
        taken = known and ending not in ("0002", "0005", "0006")
        return 200, json.dumps({"status": "1" if taken else "0", "text": call.form["message"]}).encode()

    def _verihubs(self, call: Call) -> Reply:
        if (call.headers.get("App-ID"), call.headers.get("API-Key")) != ("user", "p@ss/word"):
            return 401, b"{}"
        text = call.json["template"].replace("$OTP", call.json.get("otp", ""))
        ending = self._take("+" + call.json["msisdn"], text)
        status = {"0002": 400, "0005": 409, "0006": 429}.get(ending, 201)
        return status, json.dumps({"message": text, "otp": call.json.get("otp")}).encode()


@dataclass
class Certificate:
    """A self-signed certificate for 127.0.0.1 and a server context that uses it."""

    pem: Path
    key: Path

    @property
    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, self.key)
        return context


def certificate(folder: Path, name: str) -> Certificate:
    """Made anew, valid for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return Certificate(pem, private)
