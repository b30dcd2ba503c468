"""The headers of every answer: the content security policy and what goes with it."""

from flask import Flask, Response, g

from idp.core import crypto
from idp.core.settings import Settings, settings

PLAIN_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
]
RETRY_AFTER = {429: "60", 503: "5"}  # seconds, where whoever answers knows no better (RFC 9110 section 10.2.3)
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


def csp_nonce() -> str:
    """The nonce that this answer's inline scripts must carry."""
    known: str | None = g.get("csp_nonce")
    if known is None:
        known = g.csp_nonce = crypto.random_token(16)
    return known


def allow_form_action(source: str) -> None:
    """Lets this page's form be sent to `source` as well, such as `https:`: the page of the form post response mode alone."""
    g.form_action = f" {source}"


def allow_frames(*origins: str) -> None:
    """Lets this page show frames of these origins: front-channel logout only."""
    g.frame_sources = " ".join(origins)


def allow_framing() -> None:
    """Lets other sites frame this answer: the session-state frame alone, which brings its own headers."""
    g.framed = True


def register_headers(app: Flask, known: Settings) -> None:
    """Adds the headers of security.md to every answer, in one step."""
    always = [*PLAIN_HEADERS, HSTS] if known.production else PLAIN_HEADERS

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        if response.status_code in RETRY_AFTER:
            headers.setdefault("Retry-After", RETRY_AFTER[response.status_code])
        if not g.get("framed"):
            headers.extend(always)
        if response.mimetype == "text/html":
            headers.setdefault("Cache-Control", "no-store")
            if "Content-Security-Policy" not in headers:
                headers["Content-Security-Policy"] = _policy()
        return response


def _policy() -> str:
    frames = g.get("frame_sources") or "'none'"
    logos = "" if settings().production else " http://127.0.0.1:* http://localhost:*"  # of services on this machine
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{csp_nonce()}'; style-src 'self'; img-src 'self' https: data:{logos}; "
        f"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"frame-src {frames}; form-action 'self'{g.get('form_action', '')}"
    )
