"""Numbers for Prometheus at /metrics: how many requests ended how, and what happened; never whose, nor from where."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from flask import Flask, Request, Response, abort, current_app, request

from idp.core import clock, crypto
from idp.core.settings import Settings, settings
from idp.web import management, requests

FILES = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is first imported
PATH = "/metrics"
# Seconds: what a person does not notice, notices, and gives up on.
BUCKETS = (0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 8)


class TimedRequest(Request):
    """A request that knows when it came in, whichever way it is dispatched."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.begun = clock.monotonic()


@dataclass(slots=True)
class Meters:
    """The counters of this process. Their labels come from our own tables, so that their number is bounded."""

    registry: Any
    requests: Any
    events: Any
    refusals: Any
    lengths: Any
    ages: Any
    seconds: Any
    connections: Any
    # Finding a counter by its labels costs more than counting: it is found once.
    known: dict[tuple[str, int], tuple[Any, Any]] = field(default_factory=dict)

    def ended(self, endpoint: str, status: int, seconds: float = 0.0) -> None:
        """Counts a request that was answered, and how long that took."""
        found = self.known.get((endpoint, status))
        if found is None:
            found = self.requests.labels(endpoint, str(status)), self.seconds.labels(endpoint)
            self.known[endpoint, status] = found
        found[0].inc()
        found[1].observe(seconds)


def share_between_workers(loaded: Settings) -> None:
    """Makes all workers count into files of `var`, so that any of them tells the sum; to be called before they start.

    Counting begins anew with each start of the provider, as Prometheus expects of counters.
    """
    if not _wanted(loaded):
        return
    files: Path = loaded.var / "metrics"
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir(parents=True)
    os.environ[FILES] = str(files.resolve())


def init_app(app: Flask) -> None:
    """Counts, and serves what was counted, where the settings name who may read it; elsewhere costs nothing."""
    if not _wanted(app.extensions["idp.settings"]):
        return
    meters = app.extensions["idp.web.metrics"] = _meters()
    app.add_url_rule(PATH, "metrics", metrics)
    app.request_class = TimedRequest

    @app.after_request
    def count(response: Response) -> Response:
        took = clock.monotonic() - cast(TimedRequest, request).begun
        meters.ended(request.endpoint or "none", response.status_code, took)
        return response


def count_event(event: str) -> None:
    """Counts an event of the audit trail, by its name alone."""
    meters: Meters | None = current_app.extensions.get("idp.web.metrics")
    if meters is not None:
        meters.events.labels(event).inc()


def set_queue(queue: str, length: int, age: int) -> None:
    """How many wait in a queue, and how long the first of them has waited (seconds)."""
    meters: Meters | None = current_app.extensions.get("idp.web.metrics")
    if meters is not None:
        meters.lengths.labels(queue).set(length)
        meters.ages.labels(queue).set(age)


def set_connections(number: int) -> None:
    """How many connections to the database this process has in use."""
    meters: Meters | None = current_app.extensions.get("idp.web.metrics")
    if meters is not None:
        meters.connections.set(number)


def count_oauth_error(error: str) -> None:
    """Counts an OAuth error, by its code alone."""
    meters: Meters | None = current_app.extensions.get("idp.web.metrics")
    if meters is not None:
        meters.refusals.labels((request.endpoint if request else None) or "none", error).inc()


def metrics() -> Response:
    """The numbers as text; to anybody who may not read them the address does not exist."""
    management.refuse_elsewhere()
    if not management.is_here() and not _may_read():
        abort(404)
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

    registry = current_app.extensions["idp.web.metrics"].registry
    if FILES in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), headers={"Cache-Control": "no-store"}, content_type=CONTENT_TYPE_LATEST)


def _meters() -> Meters:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

    # When each counter was first counted: one gauge more for each, which nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    return Meters(
        registry,
        Counter("idp_requests", "Requests answered, by endpoint and status.", ["endpoint", "status"], registry=registry),
        Counter("idp_events", "Events of the audit trail, by name.", ["event"], registry=registry),
        Counter("idp_refusals", "OAuth errors, by endpoint and code.", ["endpoint", "error"], registry=registry),
        # Every worker looks at the same queues: the newest look counts.
        Gauge("idp_queue_length", "What waits.", ["queue"], registry=registry, multiprocess_mode="mostrecent"),
        Gauge("idp_queue_age_seconds", "How long the first waits.", ["queue"], registry=registry, multiprocess_mode="mostrecent"),
        Histogram("idp_request_seconds", "How long answers took.", ["endpoint"], registry=registry, buckets=BUCKETS),
        Gauge("idp_database_connections", "Connections in use.", registry=registry, multiprocess_mode="livesum"),
    )


def _wanted(loaded: Settings) -> bool:
    return bool(loaded.metrics_from or loaded.metrics_token or loaded.management_port)


def _may_read() -> bool:
    """Whoever shows the token, or asks from one of the addresses. Fails closed on what a proxy of ours did not vouch for."""
    token = settings().metrics_token
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token is not None and crypto.constant_time_equal(shown, token.get_secret_value()):
        return True
    # Behind a proxy that we were not told of, everybody would seem to ask from the proxy's own address.
    passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    if passed_on and not settings().trusted_proxies:
        return False
    return requests.in_networks(requests.client_address(), settings().metrics_from)
