"""Forms: their base class, and what binds their CSRF tokens to one browser."""

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, make_response, render_template, request
from flask.sessions import SessionInterface, SessionMixin
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from idp import tokens, web
from idp.config import settings

INTERACTION_COOKIE = "interaction"
BROWSER_COOKIE = "idp_browser"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Form(FlaskForm):  # type: ignore[misc]
    """A form of ours: CSRF token always, bound to the cookie of the interaction (elsewhere: of the browser)."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        locales = False


def form_page(template: str, form: Any = None, status: int | None = None, **context: Any) -> Response:
    """The page with this form: 200, or `status`, or 422 when something is wrong with what was sent."""
    refused = 422 if form is not None and form.errors and request.method == "POST" else 200
    return make_response(render_template(template, form=form, **context), status or refused)


class BoundSession(dict[str, Any], SessionMixin):
    """Flask's session reduced to what Flask-WTF keeps there: a value derived from the browser's cookie secret."""

    def __init__(self, request: Request, cookie: str, in_interaction: bool) -> None:
        super().__init__()
        self._request, self._cookie = request, cookie
        self.in_interaction, self.minted = in_interaction, ""

    @property
    def secret(self) -> str | None:
        """The browser's, read when somebody asks: most requests have no form."""
        return self.minted or self._request.cookies.get(self._cookie)

    def __contains__(self, key: object) -> bool:
        return self.secret is not None

    def __getitem__(self, key: str) -> Any:
        return tokens.mac(current_app.secret_key, key, self.secret or "")  # type: ignore[arg-type]

    def __setitem__(self, key: str, value: Any) -> None:
        # Flask-WTF found no token: give this browser a secret of its own. In an interaction there always is one.
        if not self.in_interaction:
            self.minted = tokens.random_token()


class BoundSessions(SessionInterface):
    """Opens a BoundSession from whichever cookie proves the browser; writes a cookie only when one was minted."""

    def open_session(self, app: Flask, request: Request) -> BoundSession:
        """The interaction's cookie inside an interaction, the browser's elsewhere."""
        if request.path.startswith("/interaction/"):
            return BoundSession(request, INTERACTION_COOKIE, True)
        return BoundSession(request, _browser_cookie_name(app), False)

    def save_session(self, app: Flask, session: SessionMixin, response: AnyResponse) -> None:
        """Sends the freshly minted secret, if any."""
        if isinstance(session, BoundSession) and session.minted:
            web.set_cookie(response, web.cookie_name(BROWSER_COOKIE), session.minted)


def check_origin() -> None:
    """Refuses a form sent by another site: before any view, in addition to the token; fails closed on nonsense."""
    if request.method not in SAFE_METHODS and not _exempt():
        refuse_foreign_origin()


def refuse_foreign_origin() -> None:
    """Raises CSRFError when the browser says that this request was sent by another site's page."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    # Our own pages send `Origin: null`, since their referrer policy is no-referrer (Fetch, 3.2.5): Sec-Fetch-Site then decides.
    if origin not in (None, "null", settings().issuer) or site not in ("same-origin", "none"):
        raise CSRFError("foreign origin")


def register_forms(app: Flask) -> None:
    """Installs the bound sessions and the origin check."""
    app.session_interface = BoundSessions()
    app.before_request(check_origin)


def browser_secret() -> str | None:
    """What tells this browser from others outside of interactions, if it has come back with it; never shown or logged."""
    return request.cookies.get(web.cookie_name(BROWSER_COOKIE))


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as CSP writes an origin; a custom scheme stands for itself."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _exempt() -> bool:
    from idp.extensions import csrf

    endpoint = request.endpoint
    if endpoint is None:
        return True
    view = current_app.view_functions.get(endpoint)
    return view is None or f"{view.__module__}.{view.__name__}" in csrf._exempt_views


def _browser_cookie_name(app: Flask) -> str:
    return f"__Host-{BROWSER_COOKIE}" if app.extensions["idp.settings"].secure else BROWSER_COOKIE
