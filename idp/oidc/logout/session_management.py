"""Session Management 1.0: the state of the browser at the provider, which a client's page can watch without asking us."""

from typing import TYPE_CHECKING

from flask import Response, make_response, render_template

from idp.core import crypto
from idp.oidc.request import Request
from idp.sessions.single_sign_on import Session
from idp.web import cookies, headers
from idp.web.cookies import BROWSER_STATE
from idp.web.urls import origin_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse


def check_session() -> Response:
    """The frame of section 3.2: it compares, in the browser, and tells whoever framed it `changed` or `unchanged`."""
    response = make_response(render_template("oidc/check_session.html", cookie=BROWSER_STATE.name))
    # The one page that may be framed, by any site: it shows nothing and can do nothing.
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'nonce-{headers.csp_nonce()}'; base-uri 'none'; form-action 'none'; frame-ancestors *"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "public, max-age=300"
    headers.allow_framing()
    return response


def browser_state(session: Session) -> str:
    """What the browser's cookie holds while this session lasts: it says that it changed, never whose it is."""
    return crypto.digest(f"{session.sid}.{session.authentication.auth_time}")


def session_state(client_id: str, redirect_uri: str, session: Session) -> str:
    """The parameter of the authentication response (section 2): digest of client, origin, browser state and a salt."""
    salt = crypto.random_token(8)
    parts = " ".join((client_id, origin_of(redirect_uri), browser_state(session), salt))
    return f"{crypto.sha256(parts).hex()}.{salt}"


def add_session_state(asked: Request, session: Session) -> None:
    """Lets the answer carry `session_state` (section 2)."""
    state = session_state(asked.registered.client_id, asked.verified_redirect_uri or "", session)
    asked.extras.append(("session_state", state))


def set_browser_state(response: "AnyResponse", session: Session) -> None:
    """Gives the browser its state; scripts of our own frame must read it, also inside another site's page."""
    state = browser_state(session)
    if BROWSER_STATE.read() != state:
        cookies.set_cookie(response, BROWSER_STATE, state)


def delete_browser_state(response: "AnyResponse") -> None:
    """Takes the state away: every watching page hears `changed`."""
    cookies.delete_cookie(response, BROWSER_STATE)
