"""Error pages: the one place where facts become pages, each with a reference and the next step."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
import structlog
from flask import Flask, Response, current_app, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from idp.core import clock, languages, lifetimes
from idp.storage.redis_store import Script, StoreUnavailable, store
from idp.web.requests import reference

log = structlog.get_logger()

REFERENCE_LIFE = lifetimes.ERROR_REFERENCE.seconds
KEPT_OF_STRANGERS = 2000  # an hour


class InteractionGone(Exception):
    """The interaction asked for is over, expired or another browser's; `service` is the way back, where we know it."""

    def __init__(self, service: Mapping[str, str] | None = None) -> None:
        super().__init__("gone")
        self.service = dict(service or {})


def store_error_facts(status: int, error: str, **facts: Any) -> None:
    """Keeps what happened behind this reference for a day, for `idp explain`; an outage of the store is only logged."""
    known = {"status": status, "error": error, "endpoint": request.endpoint, "at": clock.timestamp(), **facts}
    log.info("error_page", **known)
    try:
        if _worth_keeping():
            store().put(f"reference:{reference()}", orjson.dumps(known), REFERENCE_LIFE)
    except StoreUnavailable:
        log.warning("reference_not_kept")


# KEYS: the count of this hour. ARGV: how many are kept, seconds.
_COUNT = Script("""
local number = redis.call('INCR', KEYS[1])
if number == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return number <= tonumber(ARGV[1]) and 1 or 0
""")


def _worth_keeping() -> bool:
    """Whether somebody has acted on the way to a service; of everybody else's errors the store keeps a bounded number an hour.

    A stranger who calls up error pages must not fill the memory that sign-ins need; the log has them all.
    """
    waiting = g.get("interaction")
    # An interaction that its browser still carries costs nobody anything: it makes no stranger somebody.
    acted = waiting is not None and not waiting.carried
    return acted or bool(store().run(_COUNT, ["references:strangers"], [KEPT_OF_STRANGERS, 3600]))


def error_page(status: int, error: str, **context: Any) -> Response:
    """The page for `status`, its <main> marked with `error`; always says what to do next and how to be found again.

    Where programs call, and nobody reads a page, it is what `refuse_in_json` was told instead.
    """
    store_error_facts(status, error, **{k: v for k, v in context.items() if k in ("client_id", "limit", "reason")})
    in_json = current_app.extensions.get("idp.refusals", {}).get(request.path.split("/")[1])
    response = in_json(status) if in_json else _page(status, error, context)
    if "retry_after" in context:
        response.headers["Retry-After"] = str(context["retry_after"])
    return response


def _page(status: int, error: str, context: dict[str, Any]) -> Response:
    if context.get("service"):
        context = context | {"service": languages.with_own_name(context["service"])}
    shown = context | {"status": status, "error": error, "reference": reference(), "time": clock.wib(clock.now())}
    templates = [context["template"]] if "template" in context else [f"errors/{status}.html", "errors/error.html"]
    return make_response(render_template(templates, **shown), status)


def answer_errors_in_json(app: Flask, segments: Iterable[str], refusal: Callable[[int], Response]) -> None:
    """Under paths that begin with one of these segments, errors are `refusal` of their status and never a page."""
    app.extensions.setdefault("idp.refusals", {}).update(dict.fromkeys(segments, refusal))


def register_errors(app: Flask, facts: Mapping[type[Exception], tuple[int, str]]) -> None:
    """Binds each fact to its page; what no one foresaw is a 500 with a reference and nothing else."""
    for fact, (status, error) in facts.items():
        app.register_error_handler(fact, _page_for(status, error))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


def _page_for(status: int, error: str) -> Any:
    def page(fact: Exception) -> Response:
        if error in NEEDS_COOKIES and _cookies_are_off():
            return error_page(400, "cookies_off", service=getattr(fact, "service", None))
        shown = {k: getattr(fact, k) for k in ("retry_after", "limit", "service", "reason") if hasattr(fact, k)}
        return error_page(status, error, **shown)

    return page


# What a browser meets that was given a cookie a moment ago and shows none: to begin anew would end here again.
NEEDS_COOKIES = ("gone", "form_expired")


def _cookies_are_off() -> bool:
    """Whether this browser keeps no cookies: it shows none at all, and comes from a page or redirect that had set one.

    Who types an address, or opens it from a message (`none`, Fetch Metadata section 2.4), may simply never have been here.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    ours = site == "same-origin" if request.method == "POST" else site != "none"
    return ours and not request.cookies


def _http_error(problem: HTTPException) -> AnyResponse:
    if problem.response is not None or (problem.code or 500) < 400:
        return problem.get_response()
    response = error_page(problem.code or 500, problem.name.lower().replace(" ", "_"))
    allowed = getattr(problem, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _unexpected_error(problem: Exception) -> Response:
    # The exception's text may hold personal data (SQL parameters): its type and place are logged, never its message.
    log.error("unforeseen", exc_info=problem)
    if current_app.config.get("PROPAGATE_UNFORESEEN"):
        raise problem
    return error_page(500, "server_error")
