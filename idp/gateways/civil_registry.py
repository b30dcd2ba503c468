"""The civil registry (Dukcapil): whether NIK, name and mother's name belong together, and nothing else."""

from pathlib import Path
from typing import Protocol, cast

import httpx
import structlog
from flask import current_app, has_request_context

from idp.core import clock, crypto
from idp.core.settings import ConfigError, Settings
from idp.gateways import demo_registry, dukcapil, quota
from idp.gateways.breaker import Breaker, BreakerOpen
from idp.gateways.dukcapil import Credentials, Reading
from idp.gateways.endpoints import Endpoint, adapter_of, parse_endpoint, refuse_in_production
from idp.gateways.http_client import (
    Busy,
    ConnectionFailed,
    GatewayClient,
    GatewayResponse,
    OutcomeUnknown,
    Timeouts,
    milliseconds_since,
)
from idp.gateways.verdicts import Facts, Purpose, RegistryUnavailable, Verdict
from idp.storage.sealing import sealer
from idp.web import requests

__all__ = [
    "THRESHOLDS", "CivilRegistry", "Facts", "Purpose", "RegistryUnavailable", "Verdict", "civil_registry", "connect",
]  # fmt: skip

log = structlog.get_logger()

SETTING = "IDP_CIVIL_REGISTRY_URL"
CALL = "CALL_VERIFY_BY_ELEMEN"
AT_ONCE = 6  # calls of one process: of its sixteen threads ten go on serving whoever needs no registry
TIMEOUTS = Timeouts(connect=2, read=6, total=8)

# How alike names must be, of 100, by what they are asked for.
THRESHOLDS: dict[Purpose, int] = {"registration": 90, "recovery": 95}


class CivilRegistry(Protocol):
    """Compares three facts with the population register.

    `threshold` is the least likeness of names, 1 to 100; `purpose` decides who may spend the last tenth of the day's
    quota. Nothing is cached, and nothing of the facts is logged or kept. Raises RegistryUnavailable whenever nothing
    was learned about the person, StoreUnavailable when the quota cannot be counted: both fail closed.
    """

    def verify(self, facts: Facts, threshold: int, purpose: Purpose) -> Verdict:
        """The verdict; takes at most eight seconds."""

    def close(self) -> None:
        """Closes the connections that lie idle."""


class DukcapilRegistry:
    """Dukcapil over its private network; `url` ends with the customer's id."""

    def __init__(
        self,
        url: str,
        us: Credentials,
        line: GatewayClient,
        total: float = TIMEOUTS.total,
        breaker: Breaker | None = None,
    ):
        self._url = f"{url.rstrip('/')}/{CALL}"
        self._us = us
        self._line = line
        self._total = total
        self._breaker = breaker or Breaker()

    def verify(self, facts: Facts, threshold: int, purpose: Purpose) -> Verdict:
        """One call, and a second without titles when a name that carries some did not match; eight seconds for both."""
        until = clock.monotonic() + self._total
        names = dukcapil.names_of(facts)
        first = self._ask(facts, names, threshold, purpose, until)
        bare = dukcapil.second_names(names, first.wrong)
        if bare is None:
            return first.verdict
        return self._ask(facts, bare, threshold, purpose, until).verdict

    def close(self) -> None:
        """Closes the pooled connections."""
        self._line.close()

    def _ask(self, facts: Facts, names: dict[str, str], threshold: int, purpose: Purpose, until: float) -> Reading:
        quota.check_available(purpose)
        body = dukcapil.request_body(self._us, facts, names, threshold)
        begun = clock.monotonic()
        said: object = None
        outcome = "outage"
        try:
            said = self._call(body, until - begun)
            reading = dukcapil.read(said, threshold)
            outcome = reading.verdict.value
            return reading
        except RegistryUnavailable as unavailable:
            outcome = unavailable.reason
            raise
        finally:
            _report(facts, said, outcome, begun)

    def _call(self, body: dict[str, str], within: float) -> object:
        try:
            with self._breaker.guard(Refused, Busy):
                return _understood(self._line.post(self._url, json=body, within=within))
        except Refused:
            raise RegistryUnavailable("misconfigured") from None
        except (BreakerOpen, ConnectionFailed, OutcomeUnknown, Unreadable) as failed:
            log.warning("civil_registry_line", kind=type(failed).__name__, why=str(failed))
            raise RegistryUnavailable("outage") from None


class Refused(Exception):
    """Somebody is there and does not let us in: not an outage, so the breaker stays closed."""


class Unreadable(Exception):
    """An HTTP error or a body that is no JSON."""


def _understood(answer: GatewayResponse) -> object:
    """The body; all errors of Dukcapil's own come with 200, so any other status is the network's or the server's."""
    if answer.status in (401, 403, 404):
        raise Refused
    said: object = answer.json()
    if answer.status != 200 or said is None:
        raise Unreadable(f"status {answer.status}")
    return said


def _report(facts: Facts, said: object, outcome: str, begun: float) -> None:
    """Logs what a call cost and how it ended, and remembers the quota; never a body, in either direction."""
    left = dukcapil.quota_left(said)
    level = log.error if outcome in ("misconfigured", "incomplete", "unknown") else log.info
    level(
        "civil_registry",
        outcome=outcome,
        code=None if said is None else dukcapil.code_of(said),
        ms=milliseconds_since(begun),
        nik_index=sealer().index(facts.nik.value, "nik"),
        transaction=requests.reference() if has_request_context() else crypto.random_token(9),
        quota=left,
    )
    if left is not None:
        quota.record_remaining(left)


def connect(url: str, settings: Settings) -> CivilRegistry:
    """Dukcapil at `https://user:password@host:port/dukcapil/get_json/CUSTOMER`, or a stand-in.

    `fixture:` is the stand-in with the citizens of the package, `fixture:FILE` with those of a YAML file. http:// is for
    loopback only. Raises ConfigError.
    """
    if adapter_of(url) == "fixture":
        refuse_in_production(settings.production, SETTING)
        path = url.partition(":")[2]
        return stand_in(Path(path) if path else demo_registry.CITIZENS)
    endpoint = parse_endpoint(url, SETTING, "https", "http")
    return over_http(endpoint, settings.civil_registry_caller_ip, settings.civil_registry_ca)


def over_http(
    endpoint: Endpoint,
    caller_ip: str,
    ca: Path | None = None,
    timeouts: Timeouts = TIMEOUTS,
    breaker: Breaker | None = None,
) -> DukcapilRegistry:
    """The real adapter: connects anew once when a connection fails, never asks twice when an answer is late."""
    if not endpoint.user or not endpoint.password or endpoint.path.strip("/") == "":
        raise ConfigError(f"{SETTING} must look like https://user:password@host:8000/dukcapil/get_json/CUSTOMER.")
    us = Credentials(endpoint.user, endpoint.password, caller_ip)
    line = GatewayClient("civil-registry", timeouts, AT_ONCE, connect_retries=1, ca=ca)
    return DukcapilRegistry(endpoint.url, us, line, timeouts.total, breaker)


def stand_in(path: Path, breaker: Breaker | None = None) -> DukcapilRegistry:
    """The same adapter with the demo registry in this process instead of a network; LAMBAT times out without waiting."""
    us = Credentials("demo", "demo", "127.0.0.1")
    application = demo_registry.Registry(demo_registry.citizens(path), us.user, us.password, slow=_too_slow)
    line = GatewayClient("civil-registry", TIMEOUTS, AT_ONCE, transport=httpx.WSGITransport(app=application))
    return DukcapilRegistry("http://registry.invalid/dukcapil/get_json/DEMO", us, line, breaker=breaker)


def civil_registry() -> CivilRegistry:
    return cast(CivilRegistry, current_app.extensions["idp.civil_registry"])


def _too_slow() -> None:
    raise httpx.ReadTimeout("LAMBAT")
