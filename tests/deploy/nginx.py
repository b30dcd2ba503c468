"""Starts real nginx with deploy/nginx.conf, moved to a directory and to ports of its own, in front of some upstream."""

import datetime
import os
import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests import stores

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SHIPPED = (DEPLOY / "nginx.conf").read_text()
MUTUAL = (DEPLOY / "nginx-mtls.conf").read_text()
NAME = "id.example.go.id"
MTLS_NAME = f"mtls.{NAME}"
# Around the shipped file as around any file of conf.d; its own logs tell everything, so that a leak past ours is seen.
MAIN = """
daemon off; worker_processes 1; pid {home}/pid; {user}
events {{ worker_connections 512; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    gzip on;
    access_log {home}/logs/other-access.log; error_log {home}/logs/other-error.log info;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    {more}
    include {home}/siapkerja-id.conf;
    include {home}/siapkerja-id.mtls.con[f];
}}
"""


def binary() -> str:
    """Where nginx is: Debian keeps it where only root looks."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, "nginx is missing: `bash scripts/setup.sh browser` installs it"
    return found


@dataclass(frozen=True)
class Nginx:
    """A running server: its directory, its ports for TLS and plain HTTP, and who vouches for it."""

    home: Path
    port: int
    plain: int

    def context(self) -> ssl.SSLContext:
        """A client's, which believes this server's certificate only."""
        return ssl.create_default_context(cafile=str(self.home / "cert.pem"))

    def client(self, address: str = "127.0.0.1", **options: Any) -> httpx.Client:
        """A browser or program at a loopback address."""
        transport = httpx.HTTPTransport(verify=self.context(), local_address=address)
        return httpx.Client(transport=transport, timeout=30, headers={"Host": NAME}, **options)

    def send(self, method: str, path: str, address: str = "127.0.0.1", **what: Any) -> httpx.Response:
        """One request over TLS, to our name."""
        with self.client(address) as client:
            return client.request(method, f"https://127.0.0.1:{self.port}{path}", extensions={"sni_hostname": NAME}, **what)

    def get(self, path: str, address: str = "127.0.0.1", **what: Any) -> httpx.Response:
        """The same, by GET."""
        return self.send("GET", path, address, **what)

    @contextmanager
    def asking(self, request: str) -> Iterator[ssl.SSLSocket]:
        """A connection over TLS on which these bytes of HTTP/1.1 have been sent."""
        bare = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        with bare, self.context().wrap_socket(bare, server_hostname=NAME) as connection:
            connection.sendall(request.encode())
            yield connection

    def raw(self, line: str) -> tuple[int, str]:
        """Status and all of the answer to a request line that clients refuse to send."""
        with self.asking(f"{line}\r\nHost: {NAME}\r\nConnection: close\r\n\r\n") as connection:
            answer = b""
            while more := connection.recv(65536):
                answer += more
        return int(answer.split(b" ", 2)[1]), answer.decode()

    def log(self) -> str:
        """Our access log, when the last request is in it: nginx writes before it takes another request."""
        return (self.home / "logs" / "siapkerja-id.log").read_text()

    def everything_written(self) -> str:
        """All logs, ours and the general ones, and whatever went to temporary files."""
        files = [path for path in self.home.rglob("*") if path.is_file() and path.suffix not in (".pem", ".key", ".conf")]
        return "".join(path.read_text(errors="replace") for path in files)


def moved(home: Path, port: int, plain: int, upstream: int, changes: dict[str, str]) -> str:
    """The shipped file for this directory and these ports; each change of it must find what it changes."""
    text = re.sub(r"(?m)^ *listen \[::\].*\n", "", SHIPPED)
    everywhere = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "server 127.0.0.1:5000;": f"server 127.0.0.1:{upstream};",
        "/etc/ssl/id.example.go.id.pem": f"{home}/cert.pem",
        "/etc/ssl/private/id.example.go.id.key": f"{home}/key.key",
        "/var/log/nginx/": f"{home}/logs/",
        "/etc/nginx/siapkerja-id/": f"{DEPLOY}/pages/",
    }
    for old, new in (everywhere | changes).items():
        assert old in text, f"deploy/nginx.conf no longer says {old}"
        text = text.replace(old, new)
    return text


def with_certificates(made: Nginx, authorities: str) -> None:
    """Adds the name where services show certificates; `authorities` in PEM vouch for some of them."""
    (made.home / "services.pem").write_text(authorities)
    text = re.sub(r"(?m)^ *listen \[::\].*\n", "", MUTUAL)
    everywhere = {
        "listen 443 ssl": f"listen 127.0.0.1:{made.port} ssl",
        "/etc/ssl/id.example.go.id.pem": f"{made.home}/cert.pem",
        "/etc/ssl/private/id.example.go.id.key": f"{made.home}/key.key",
        "/etc/ssl/siapkerja-id-services.pem": f"{made.home}/services.pem",
        "/var/log/nginx/": f"{made.home}/logs/",
    }
    for old, new in everywhere.items():
        assert old in text, f"deploy/nginx-mtls.conf no longer says {old}"
        text = text.replace(old, new)
    (made.home / "siapkerja-id.mtls.conf").write_text(text)


def prepare(home: Path, upstream: int, changes: dict[str, str] | None = None, more: str = "", rsa_key: bool = False) -> Nginx:
    """Writes everything that the server reads."""
    made = Nginx(home, stores.free_port(), stores.free_port())
    (home / "logs").mkdir(parents=True)
    _certify(home, rsa_key)
    user = "user root;" if os.geteuid() == 0 else ""
    (home / "siapkerja-id.conf").write_text(moved(home, made.port, made.plain, upstream, changes or {}))
    (home / "nginx.conf").write_text(MAIN.format(home=home, user=user, more=more))
    return made


@contextmanager
def running(home: Path, upstream: int, authorities: str = "", **how: Any) -> Iterator[Nginx]:
    """The server, until the block ends; with `authorities` also under the name where services show certificates."""
    made = prepare(home, upstream, **how)
    if authorities:
        with_certificates(made, authorities)
    command = [binary(), "-e", f"{home}/logs/start.log", "-p", str(home), "-c", f"{home}/nginx.conf"]
    with stores.leashed(command):
        stores._wait_for_port(made.port)
        yield made


def _certify(home: Path, rsa_key: bool) -> None:
    key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName(MTLS_NAME)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256())
    )  # fmt: skip
    (home / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (home / "key.key").write_bytes(key.private_bytes(*private))


class Upstream:
    """Stands in for the provider where only nginx matters: says what headers came, and keeps /slow waiting."""

    def __init__(self, port: int = 0) -> None:
        self.seen: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.let_go = Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.port = int(self.server.server_address[1])
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream.seen.append(dict(self.headers.items()))
                upstream.paths.append(self.path)
                if self.path.startswith("/slow"):
                    upstream.let_go.wait(60)
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        return Answers

    def close(self) -> None:
        """Ends it, answering whatever waits."""
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()
