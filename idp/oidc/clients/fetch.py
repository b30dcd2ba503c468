"""The one guarded way out: fetches that relying parties can make us do never reach our own network (SSRF)."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from idp.core import clock
from idp.core.settings import settings

TIMEOUT = 5.0  # seconds in all: name, connection, headers, body
MAX_AT_ONCE = 4  # fetches of one process: of its sixteen threads twelve go on
MAX_BYTES = 256 * 1024  # bytes of a body


Network = IPv4Network | IPv6Network

_PLACES = threading.BoundedSemaphore(MAX_AT_ONCE)


# What `is_global` takes for public and is not: IPv4-compatible and site-local addresses, both deprecated (RFC 4291), those
# for documentation (RFC 9637) and segment routing (RFC 9602).
NEVER_CALLED = tuple(ip_network(network) for network in ("::/96", "fec0::/10", "3fff::/20", "5f00::/16"))


NAT64 = IPv6Network("64:ff9b::/32")  # IPv4 addresses in disguise (RFC 6052, RFC 8215)


class FetchRefused(Exception):
    """The address is not one that we talk to, or what it answered is not acceptable; `reason` is safe to show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """A complete answer: status, content type without parameters, body."""

    status: int
    content_type: str
    body: bytes


def fetch(url: str, *, of_operator: bool = False) -> FetchedDocument:
    """GETs a document for a client (jwks_uri, sector_identifier_uri, request_uri); raises FetchRefused.

    `of_operator`: the address stands in clients.yaml, and may lie in one of IDP_FETCH_NETWORKS, on any port, with a
    certificate of IDP_FETCH_CA.

    The thread of a request waits for it, so that only a few may at once: one client's slow server, or thousands of requests
    that name it, hold up the requests of nobody else.
    """
    if not _PLACES.acquire(blocking=False):
        raise FetchRefused("is asked for too often at this moment")
    try:
        fetched = _exchange("GET", url, {"Accept": "application/json, application/jwt"}, b"", of_operator)
    finally:
        _PLACES.release()
    if fetched.status != 200:
        raise FetchRefused(f"answered {fetched.status}")
    return fetched


def post_form(url: str, body: bytes, *, of_operator: bool = False) -> FetchedDocument:
    """POSTs a form to a client (back-channel logout); any status is an answer; raises FetchRefused."""
    return _exchange("POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, body, of_operator)


def allowed_url(url: str, *, of_operator: bool = False) -> bool:
    """Whether a client may register this URL for us to call: https, its own port, no fragment or user information."""
    try:
        parts = urlsplit(url)
        loopback = parts.hostname in ("127.0.0.1", "localhost", "::1") and not settings().production
        valid_port = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        return False
    scheme = parts.scheme == "https" or (parts.scheme == "http" and loopback)
    # On other ports other things listen, which an https request would reach all the same.
    usual_port = loopback or of_operator or parts.port in (None, 443)
    return bool(scheme and parts.hostname and valid_port and usual_port and not parts.fragment and "@" not in parts.netloc)


def _exchange(method: str, url: str, headers: dict[str, str], body: bytes, of_operator: bool) -> FetchedDocument:
    if not allowed_url(url, of_operator=of_operator):
        raise FetchRefused("not an https address")
    deadline = clock.monotonic() + TIMEOUT
    parts = urlsplit(url)
    host = parts.hostname or ""
    # The address is resolved once, judged, and used as it is: a second answer of the name server changes nothing (rebinding).
    inside = tuple(ip_network(name, strict=False) for name in settings().fetch_networks) if of_operator else ()
    address = _callable_address(host, parts.port or (443 if parts.scheme == "https" else 80), inside)
    pinned = httpx.URL(url).copy_with(host=str(address))
    pieces = headers | {"Host": parts.netloc, "User-Agent": "SIAPkerja-ID", "Accept-Encoding": "identity"}
    end = _Deadline()
    try:
        # trust_env: a proxy from the environment would resolve the name again, out of our sight.
        with (
            httpx.Client(verify=_trust(of_operator), timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            end.within(deadline - clock.monotonic()),
            client.stream(method, pinned, headers=pieces, content=body, extensions=end.extensions(host)) as answer,
        ):
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            fetched = FetchedDocument(answer.status_code, kind, _bounded(answer))
    except (httpx.HTTPError, OSError) as failed:  # OSError: IDP_FETCH_CA is gone
        raise FetchRefused("answers too slowly" if end.came else type(failed).__name__) from None
    if end.came:  # a body without a length looks complete when we hang up
        raise FetchRefused("answers too slowly")
    return fetched


def _bounded(answer: httpx.Response) -> bytes:
    pieces, total = [], 0
    for piece in answer.iter_raw():
        total += len(piece)
        if total > MAX_BYTES:
            raise FetchRefused("answers more than 256 kB")
        pieces.append(piece)
    return b"".join(pieces)


class _Deadline:
    """Hangs up when the time is over, wherever an exchange is: headers or a body that drip never time out by themselves."""

    def __init__(self) -> None:
        self.came = False
        self._stream: Any = None

    def extensions(self, host: str) -> dict[str, Any]:
        """For httpx: the name for TLS, and whom to tell which connection is used."""
        return {"sni_hostname": host, "trace": self._note}

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Ends the connection after `seconds`."""
        timer = threading.Timer(max(0.0, seconds), self._hang_up)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._stream = told["return_value"]

    def _hang_up(self) -> None:
        self.came = True
        if self._stream is not None:
            with suppress(OSError):  # it is closed already
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _trust(of_operator: bool) -> ssl.SSLContext | bool:
    """Whose certificates count: the public authorities', for the operator's own clients also those of IDP_FETCH_CA."""
    path = settings().fetch_ca if of_operator else None
    return True if path is None else _trust_also(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _trust_also(path: Path, _changed: int) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    context.load_verify_locations(path)
    return context


def _callable_address(host: str, port: int, inside: tuple[Network, ...]) -> IPv4Address | IPv6Address:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchRefused("its host name is not known") from None
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    # Every address must be public: of a mixed answer the connection might take the private one. Fails closed.
    if not addresses or not all(_may_be_called(address) or _is_inside(address, inside) for address in addresses):
        raise FetchRefused("its host is not a public address")
    return addresses[0]


def _is_inside(address: IPv4Address | IPv6Address, inside: tuple[Network, ...]) -> bool:
    """In a network that the operator has opened; never where clouds tell their secrets (169.254.169.254), nor nowhere."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_inside(address.ipv4_mapped, inside)
        if address.sixtofour or address.teredo or any(address in network for network in (NAT64, *NEVER_CALLED)):
            return False
    if address.is_link_local or address.is_unspecified or address.is_multicast or str(address) == "fd00:ec2::254":
        return False
    return any(address in network for network in inside)


def _may_be_called(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return _may_be_called(inner)
        if address in NAT64:
            return _may_be_called(IPv4Address(int(address) & 0xFFFFFFFF))
        if any(address in network for network in NEVER_CALLED) and not address.is_loopback:
            return False
    if address.is_loopback:
        return not settings().production
    return address.is_global and not address.is_multicast
