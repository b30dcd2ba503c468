"""CSRF protection: tokens bound to one browser, and the refusal of forms that other sites send."""

from typing import Any

from flask import Flask, Request, current_app, g, request
from flask.sessions import SessionInterface, SessionMixin
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.wrappers import Response as AnyResponse

from idp.core import crypto
from idp.core.settings import settings
from idp.web import cookies
from idp.web.cookies import BROWSER, INTERACTION

csrf_protect = CSRFProtect()
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class CsrfSession(dict[str, Any], SessionMixin):
    """Flask's session reduced to what Flask-WTF keeps there: a value derived from the browser's cookie secret."""

    def __init__(self, request: Request, cookie: str, in_interaction: bool) -> None:
        super().__init__()
        self._request, self._cookie = request, cookie
        self.in_interaction, self.minted = in_interaction, ""

    @property
    def secret(self) -> str | None:
        """The browser's, read when somebody asks: most requests have no form."""
        return self.minted or self._rotated or self._request.cookies.get(self._cookie)

    @property
    def _rotated(self) -> str | None:
        return g.get("rotated_secret") if self.in_interaction else None

    def __contains__(self, key: object) -> bool:
        return self.secret is not None

    def __getitem__(self, key: str) -> Any:
        return crypto.mac(current_app.secret_key, key, self.secret or "")  # type: ignore[arg-type]

    def __setitem__(self, key: str, value: Any) -> None:
        # Flask-WTF found no token: give this browser a secret of its own. In an interaction there always is one.
        if not self.in_interaction:
            self.minted = crypto.random_token()


class CsrfSessionInterface(SessionInterface):
    """Opens a BoundSession from whichever cookie proves the browser; writes a cookie only when one was minted."""

    def open_session(self, app: Flask, request: Request) -> CsrfSession:
        """The interaction's cookie inside an interaction, the browser's elsewhere."""
        if request.path.startswith("/interaction/"):
            return CsrfSession(request, INTERACTION.of(request.path.split("/")[2]).name, True)
        return CsrfSession(request, BROWSER.name, False)

    def save_session(self, app: Flask, session: SessionMixin, response: AnyResponse) -> None:
        """Sends the freshly minted secret, if any."""
        if isinstance(session, CsrfSession) and session.minted:
            cookies.set_cookie(response, BROWSER, session.minted)


def rebind_tokens(secret: str) -> None:
    """From here on this answer's forms are bound to a secret that the browser gets with the answer itself."""
    g.rotated_secret = secret
    g.pop("csrf_token", None)  # what Flask-WTF made for this request's form is bound to the old one


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
    app.session_interface = CsrfSessionInterface()
    app.before_request(check_origin)


def browser_secret() -> str | None:
    """What tells this browser from others outside of interactions, if it has come back with it; never shown or logged."""
    return BROWSER.read() or None


def _exempt() -> bool:

    endpoint = request.endpoint
    if endpoint is None:
        return True
    view = current_app.view_functions.get(endpoint)
    return view is None or f"{view.__module__}.{view.__name__}" in csrf_protect._exempt_views
