"""What every answer has in common: headers, cookies, references, and the one place where facts become error pages."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, cast

import orjson
import structlog
from flask import Flask, Response, current_app, g, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from idp import clock, tokens
from idp.config import Settings, settings
from idp.store import StoreUnavailable, store

log = structlog.get_logger()

REFERENCE_LIFE = 24 * 3600
PLAIN_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
]
LANGUAGE_COOKIE = "bahasa"
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


class Gone(Exception):
    """The interaction asked for is over, expired or another browser's; `service` is the way back, where we know it."""

    def __init__(self, service: Mapping[str, str] | None = None) -> None:
        super().__init__("gone")
        self.service = dict(service or {})


def reference() -> str:
    """This request's short id: shown on error pages, written to logs and audit, answered by `idp explain`."""
    known: str | None = g.get("reference")
    if known is None:
        known = g.reference = tokens.numeric_code(10)
    return known


def client_address() -> str:
    """The address of the person's device; a forwarded one is believed from configured proxies only."""
    peer = request.remote_addr or "127.0.0.1"
    trusted = settings().trusted_proxies
    if not trusted or not within(peer, trusted):
        return peer
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        hop = hop.strip()
        if hop and not within(hop, trusted):
            return hop if _is_address(hop) else peer
    return peer


def device() -> str:
    """The browser and system of this request as far as a person needs it to tell devices apart, such as `Firefox · Windows`."""
    agent = request.headers.get("User-Agent", "")
    system = next((name for name in ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux") if name in agent), "?")
    browser = next((name for name in ("Firefox", "Edg", "OPR", "Chrome", "Safari") if name in agent), "?")
    return f"{browser} · {system}"


def csp_nonce() -> str:
    """The nonce that this answer's inline scripts must carry."""
    known: str | None = g.get("csp_nonce")
    if known is None:
        known = g.csp_nonce = tokens.random_token(16)
    return known


def allow_form_action(origin: str) -> None:
    """Lets this page's forms end at `origin`: Chromium applies form-action to the redirect after the POST too."""
    g.form_action = f"{g.get('form_action', '')} {origin}"


def allow_frames(*origins: str) -> None:
    """Lets this page show frames of these origins: front-channel logout only."""
    g.frame_sources = " ".join(origins)


def allow_framing() -> None:
    """Lets other sites frame this answer: the session-state frame alone, which brings its own headers."""
    g.framed = True


def see_other(url: str) -> Response:
    """303: the answer to every POST of ours, so that refresh and back repeat nothing (RFC 9110 section 15.4.4)."""
    return cast(Response, redirect(url, 303))


def cookie_name(name: str) -> str:
    """The __Host- name over https: such a cookie cannot be planted by a neighbouring host (RFC 6265bis)."""
    return f"__Host-{name}" if settings().secure else name


def set_cookie(response: AnyResponse, name: str, value: str, *, path: str = "/", max_age: int | None = None) -> None:
    """Secure over https, HttpOnly, SameSite=Lax; `max_age` in seconds, None for the browser's session."""
    response.set_cookie(name, value, path=path, max_age=max_age, secure=settings().secure, httponly=True, samesite="Lax")


def remember_facts(status: int, error: str, **facts: Any) -> None:
    """Keeps what happened behind this reference for a day, for `idp explain`; an outage of the store is only logged."""
    known = {"status": status, "error": error, "endpoint": request.endpoint, "at": clock.timestamp(), **facts}
    log.info("error_page", reference=reference(), **known)
    try:
        store().put(f"reference:{reference()}", orjson.dumps(known), REFERENCE_LIFE)
    except StoreUnavailable:
        log.warning("reference_not_kept", reference=reference())


def error_page(status: int, error: str, **context: Any) -> Response:
    """The page for `status`, its <main> marked with `error`; always says what to do next and how to be found again.

    Where programs call, and nobody reads a page, it is what `refuse_in_json` was told instead.
    """
    remember_facts(status, error, **{k: v for k, v in context.items() if k in ("client_id", "limit", "reason")})
    in_json = current_app.extensions.get("idp.refusals", {}).get(request.path.split("/")[1])
    response = in_json(status) if in_json else _page(status, error, context)
    if "retry_after" in context:
        response.headers["Retry-After"] = str(context["retry_after"])
    return response


def _page(status: int, error: str, context: dict[str, Any]) -> Response:
    shown = context | {"status": status, "error": error, "reference": reference(), "time": clock.wib(clock.now())}
    return make_response(render_template([f"errors/{status}.html", "errors/error.html"], **shown), status)


def refuse_in_json(app: Flask, segments: Iterable[str], refusal: Callable[[int], Response]) -> None:
    """Under paths that begin with one of these segments, errors are `refusal` of their status and never a page."""
    app.extensions.setdefault("idp.refusals", {}).update(dict.fromkeys(segments, refusal))


def register_errors(app: Flask, facts: Mapping[type[Exception], tuple[int, str]]) -> None:
    """Binds each fact to its page; what no one foresaw is a 500 with a reference and nothing else."""
    for fact, (status, error) in facts.items():
        app.register_error_handler(fact, _page_for(status, error))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)


def _page_for(status: int, error: str) -> Any:
    def page(fact: Exception) -> Response:
        shown = {k: getattr(fact, k) for k in ("retry_after", "limit", "service", "reason") if hasattr(fact, k)}
        return error_page(status, error, **shown)

    return page


def _http_error(problem: HTTPException) -> AnyResponse:
    if problem.response is not None or (problem.code or 500) < 400:
        return problem.get_response()
    response = error_page(problem.code or 500, problem.name.lower().replace(" ", "_"))
    allowed = getattr(problem, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _unforeseen(problem: Exception) -> Response:
    # The exception's text may hold personal data (SQL parameters): its type and place are logged, never its message.
    log.error("unforeseen", reference=reference(), kind=type(problem).__name__, where=_place(problem))
    if current_app.config.get("PROPAGATE_UNFORESEEN"):
        raise problem
    return error_page(500, "server_error")


def _place(problem: Exception) -> str:
    trace = problem.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""


def register_headers(app: Flask, known: Settings) -> None:
    """Adds the headers of security.md to every answer, in one step."""
    always = [*PLAIN_HEADERS, HSTS] if known.production else PLAIN_HEADERS

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        if not g.get("framed"):
            headers.extend(always)
        if response.mimetype == "text/html":
            headers.setdefault("Cache-Control", "no-store")
            if "Content-Security-Policy" not in headers:
                headers["Content-Security-Policy"] = _policy()
        return response


def _policy() -> str:
    frames = g.get("frame_sources") or "'none'"
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{csp_nonce()}'; style-src 'self'; img-src 'self' https: data:; "
        f"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"frame-src {frames}; form-action 'self'{g.get('form_action', '')}"
    )


@lru_cache(maxsize=4096)
def within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of these networks; what is no address is in none."""
    return _is_address(address) and any(ip_address(address) in ip_network(n, strict=False) for n in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
