"""The line to one gateway: one pooled HTTP client, a bound on calls at once, and a deadline that trickling cannot stretch."""

import logging
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import httpx
import orjson

from idp.core import clock
from idp.core.settings import ConfigError

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_ANSWER = 64 * 1024

# At debug these print request headers and addresses, and with them credentials and personal data.
for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


class ConnectionFailed(Exception):
    """Nobody took the connection: the other side cannot have seen the message."""


class Busy(ConnectionFailed):
    """As many wait for this gateway as may: a slow gateway must not take every thread that serves pages. Nothing was sent."""


class OutcomeUnknown(Exception):
    """Sent, but no whole answer in time: the other side may have acted on it; never send again by itself."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds: for the connection, for each read, and for the whole call, waiting for a free line included."""

    connect: float = 2
    read: float = 6
    total: float = 8


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What came back; the body may echo a code or a name and is therefore not in the repr."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


class DeadlinePool:
    """Runs calls in threads of its own: at most `at_once`, none waited for longer than `total` seconds.

    Who comes when `at_once` wait already is turned away at once: smaller than the threads that serve requests, the pool
    is the bulkhead that keeps a gateway's slowness in its own pages.
    """

    def __init__(self, name: str, at_once: int, total: float) -> None:
        self.total = total
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._places = threading.BoundedSemaphore(at_once)

    def run(self, within: float | None, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns or raises; raises Busy, ConnectionFailed when it did not begin, OutcomeUnknown when late."""
        if not self._places.acquire(blocking=False):
            raise Busy("busy")
        try:
            return self._within(self._pool.submit(work, *args, **kwargs), within)
        finally:
            self._places.release()

    def _within(self, future: "Future[R]", within: float | None) -> R:
        try:
            return future.result(self.total if within is None else max(0.0, min(within, self.total)))
        except (FutureTimeout, CancelledError):
            # Cancelled before it began: nothing was sent, and nothing will be, so that no quota is spent behind our back.
            if future.cancel():
                raise ConnectionFailed("busy") from None
            raise OutcomeUnknown("deadline") from None

    def close(self) -> None:
        """Ends the threads once their calls are over."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class GatewayClient:
    """One pooled client to one gateway. Proxies and the like are not taken from the environment."""

    def __init__(
        self,
        name: str,
        timeouts: Timeouts,
        at_once: int,
        *,
        connect_retries: int = 0,
        ca: Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once, keepalive_expiry=20)
        if transport is None:
            transport = httpx.HTTPTransport(verify=tls_context(ca), limits=limits, retries=connect_retries, trust_env=False)
        timeout = httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=timeouts.total)
        self._client = httpx.Client(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
        self._bounded = DeadlinePool(name, at_once, timeouts.total)

    def post(self, url: str, *, within: float | None = None, **content: Any) -> GatewayResponse:
        """POSTs `json=` or `data=`, `headers=`; gives up after `within` seconds. Raises ConnectionFailed or OutcomeUnknown."""
        return self._bounded.run(within, self._post, url, content)

    def close(self) -> None:
        self._bounded.close()
        self._client.close()

    def _post(self, url: str, content: Mapping[str, Any]) -> GatewayResponse:
        # `from None` throughout: what httpx raises holds the request, and the request holds codes and names.
        try:
            with self._client.stream("POST", url, **content) as response:
                return GatewayResponse(response.status_code, _read(response))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failed:
            raise ConnectionFailed(type(failed).__name__) from None
        except (httpx.HTTPError, httpx.StreamError) as failed:
            raise OutcomeUnknown(type(failed).__name__) from None


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """Verification that is never off: by the given CA alone, or by the public ones; raises ConfigError for an unusable file."""
    if ca is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError):
        raise ConfigError(f"{ca} is no readable PEM file with a CA certificate.") from None


def milliseconds_since(begun: float) -> int:
    """Whole milliseconds since a `clock.monotonic()`, for logs."""
    return round((clock.monotonic() - begun) * 1000)


def _read(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            raise OutcomeUnknown("too long")
    return body
