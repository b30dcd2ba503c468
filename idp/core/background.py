"""Work that goes on behind an answer: messages that must neither hold a page up nor tell, by the time, what was done."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, cast

import structlog
from flask import Flask, current_app, g, has_request_context, request
from structlog.contextvars import bound_contextvars

from idp.core import clock
from idp.core.settings import settings

log = structlog.get_logger()
P = ParamSpec("P")

THREADS = 8


def start(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Future[None]:
    """Runs `work` in a thread with the application's context; what it raises is logged by its type and goes no further."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    asked_by = _request_facts()

    def body() -> None:
        with app.app_context(), bound_contextvars(**asked_by):
            work(*args, **kwargs)

    future = _pool(app).submit(body)
    future.add_done_callback(_log_failure)
    return future


def _request_facts() -> dict[str, str | None]:
    """What leads from a line of the log back to the request that began the work."""
    if not has_request_context():
        return {}
    return {"reference": g.get("reference"), "endpoint": request.endpoint}


def start_in_constant_time(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Starts `work` and returns after a fixed time, done or not, so that real and pretended work take equally long."""
    start(work, *args, **kwargs)
    pad_to_constant_time()


def pad_to_constant_time(since: float | None = None) -> None:
    """Waits for the fixed time, `constant_time_ms`; what was done since (by `clock.monotonic()`) counts as part of it."""
    gone = clock.monotonic() - since if since is not None else 0
    threading.Event().wait(max(0, settings().constant_time_ms / 1000 - gone))


def _pool(app: Flask) -> ThreadPoolExecutor:
    known = app.extensions.get("idp.core.background")
    if known is None:
        # setdefault is atomic: of two threads that come first together, both use the one pool that stayed. Only a new
        # one is ever put there: one that was taken away to be closed must not come back.
        known = app.extensions.setdefault("idp.core.background", ThreadPoolExecutor(THREADS, thread_name_prefix="background"))
    return cast(ThreadPoolExecutor, known)


def _log_failure(future: Future[None]) -> None:
    # The answer is out already, so only operators can still be told; by type, since messages may hold personal data.
    problem = future.exception()
    if problem is not None:
        log.error("background_work_failed", kind=type(problem).__name__)
