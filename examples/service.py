"""A small relying party: what every demo service has in common. Authlib's Flask client does the protocol of signing in."""

import json
import os
from collections.abc import Callable
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from family import FAMILY, Service
from flask import Flask, abort, current_app, make_response, redirect, render_template, request, session, url_for
from joserfc.errors import JoseError
from logout_tokens import LogoutTokens, Refused
from requests import RequestException
from signed_in import Person, Sessions
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response
from words import LANGUAGES, TEXTS, in_words

ATTEMPTS = 4  # sign-ins on their way at once, one per tab; older ones are forgotten, so that the cookie stays small
QUIET_REFUSALS = {"login_required", "interaction_required", "consent_required", "account_selection_required"}
FAILURES = (AuthlibBaseError, JoseError, RequestException, ValueError)


class Desk:
    """One running service: its entry at the provider, and who is signed in."""

    def __init__(self, app: Flask, service: Service) -> None:
        self.service = service
        self.issuer = os.environ.get("IDP_ISSUER", "http://localhost:5000")
        self.callback = f"{service.address}/callback"
        self.sessions = Sessions()
        self.siapkerja = OAuth(app).register(
            "siapkerja",
            server_metadata_url=f"{self.issuer}/.well-known/openid-configuration",
            client_id=service.client_id,
            client_secret=os.environ[f"{service.client_id.upper()}_CLIENT_SECRET"],
            client_kwargs={"scope": service.scope, "code_challenge_method": "S256"},
        )
        fetch_keys = lambda anew: self.siapkerja.fetch_jwk_set(force=anew)  # noqa: E731
        self.logout_tokens = LogoutTokens(self.issuer, service.client_id, service.alg, fetch_keys)

    def person(self) -> Person | None:
        """Who is signed in in this browser."""
        return self.sessions.find(session.get("id"))

    def ask(self, **wishes: str) -> Response:
        """Sends the browser to the provider to sign in."""
        pending = sorted((name for name in session if name.startswith("_state_")), key=lambda name: session[name]["exp"])
        for name in pending[: 1 - ATTEMPTS]:
            session.pop(name)
        return self.siapkerja.authorize_redirect(self.callback, ui_locales=language(), **wishes)


def desk() -> Desk:
    """This application's desk."""
    found: Desk = current_app.extensions["desk"]
    return found


def language() -> str:
    """What was chosen on our switch; else the account's language; else the browser's; else Indonesian."""
    person = desk().person()
    known = (session.get("lang"), (person.userinfo.get("locale") or "")[:2] if person else "")
    return next((one for one in known if one in LANGUAGES), request.accept_languages.best_match(LANGUAGES, "id"))


def page(template: str, status: int = 200, **shown: Any) -> Response:
    """One page of the service, with whatever the last step had to say."""
    at, lang, person = desk(), language(), desk().person()
    here = request.path if request.endpoint in ("home", "claim") else url_for("home")
    common = {"service": at.service, "family": FAMILY, "issuer": at.issuer, "person": person, "lang": lang, "t": TEXTS[lang]}
    said = in_words(person.facts, lang) if person else []
    told = {"message": session.pop("message", None), "said": said, "as_json": as_json, "here": here, "languages": LANGUAGES}
    return make_response(render_template(template, **common, **told, **shown), status)


def as_json(claims: dict[str, Any]) -> str:
    """Claims for people who write programs."""
    return json.dumps(claims, indent=2, ensure_ascii=False, sort_keys=True)


# -- pages --------------------------------------------------------------------------------------------------------


def home() -> Response:
    """The person's page; whoever is not signed in here is looked for at the provider first, without any page."""
    if desk().person() is not None:
        return page("home.html")
    if session.pop("id", None):
        session["message"] = "ended"
    if session.pop("asked", False):
        return page("landing.html")
    try:
        # OpenID Connect Core section 3.1.2.1: prompt=none signs in whom another service has signed in, and asks nobody else.
        return desk().ask(prompt="none")
    except FAILURES:
        return page("landing.html")


def login() -> Response:
    """Our own button, or SIAPkerja's pages (OpenID Connect Core section 4): nobody else may begin a sign-in here."""
    if request.args.get("iss", desk().issuer) != desk().issuer:
        abort(400)
    session.pop("onward", None)
    return _leave_for_provider()


def register() -> Response:
    """Straight to the registration (Initiating User Registration via OpenID Connect 1.0)."""
    return _leave_for_provider(prompt="create")


def finish() -> Response:
    """The provider's answer."""
    at, state = desk(), request.args.get("state", "")
    # Only to an attempt of this browser, and only from our provider (RFC 9207): an answer that somebody else begot could
    # sign people in to another's account.
    if at.siapkerja.framework.get_state_data(session, state) is None or request.args.get("iss") != at.issuer:
        session["message"] = "stale"
        return page("landing.html", 400)
    if "error" in request.args:
        at.siapkerja.framework.clear_state_data(session, state)
        return _came_back_without(request.args["error"])
    try:
        person = _taken(at)
    except FAILURES:
        return _came_back_without("failed")
    at.sessions.end(session.get("id"))
    session["id"] = at.sessions.begin(person)
    session.pop("message", None)
    return redirect(url_for(session.pop("onward", "home")), 303)


def logout() -> Response:
    """Ends the session here, then at the provider, which tells the other services."""
    at = desk()
    person, lang = at.sessions.end(session.get("id")), language()
    session.clear()
    session["lang"] = lang
    hint = {"id_token_hint": person.id_token} if person else {}
    try:
        # OpenID Connect RP-Initiated Logout 1.0 section 2
        url = at.siapkerja.create_logout_url(client_id=at.service.client_id, ui_locales=lang, **hint)["url"]
    except FAILURES:
        return _trouble("unreachable")
    return redirect(url, 303)


def hear_of_logout() -> Response:
    """The provider's word that somebody has signed out (OpenID Connect Back-Channel Logout 1.0 section 2.5)."""
    tokens = request.form.getlist("logout_token")
    try:
        if len(tokens) != 1:
            raise Refused("one logout_token is needed")
        sub, sid = desk().logout_tokens.verify(tokens[0])
    except Refused as refused:
        answer = {"error": "invalid_request", "error_description": str(refused)}
        return make_response(answer, 400)  # section 2.8
    except RequestException:
        return make_response({"error": "temporarily_unavailable"}, 503)  # the keys are out of reach: the provider tries again
    desk().sessions.end_all(sub=sub, sid=sid)
    return make_response("", 200)


def see_logout() -> Response:
    """The same in a frame of the provider's page (OpenID Connect Front-Channel Logout 1.0 section 3).

    Browsers send no cookie of ours into another site's frame: `sid` alone says whose session is over.
    """
    given = request.args
    if given.getlist("iss") != [desk().issuer] or len(given.getlist("sid")) != 1 or not given["sid"]:
        abort(400)
    desk().sessions.end_all(sid=given["sid"])
    response = make_response("<!doctype html><html lang=id><title>Keluar</title>")
    response.headers["Content-Security-Policy"] = f"default-src 'none'; frame-ancestors {desk().issuer}"
    return response


def _leave_for_provider(**wishes: str) -> Response:
    try:
        return desk().ask(**wishes)
    except FAILURES:
        return _trouble("unreachable")


def _trouble(message: str) -> Response:
    session["message"] = message
    return page("landing.html", 503)


def _came_back_without(error: str) -> Response:
    session["asked"] = True  # nobody is looked for again at once: the next page is ours
    session.pop("onward", None)
    if error not in QUIET_REFUSALS:
        session["message"] = error if f"message:{error}" in TEXTS["id"] else "failed"
    return redirect(url_for("home"), 303)


def _taken(at: Desk) -> Person:
    token = at.siapkerja.authorize_access_token()
    claims, userinfo = dict(token["userinfo"]), dict(at.siapkerja.userinfo(token=token))
    if userinfo.get("sub") != claims["sub"]:  # OpenID Connect Core section 5.3.2
        raise ValueError("userinfo is about somebody else")
    return Person(claims, userinfo, token["id_token"])


# -- the application ----------------------------------------------------------------------------------------------


def create_service(service: Service) -> Flask:
    """The service as a Flask application; issuer and secret come from the environment."""
    app = Flask(__name__)
    # A cookie name of its own: cookies do not tell ports of one host apart.
    cookie = {"SESSION_COOKIE_NAME": f"{service.client_id}_session", "SESSION_COOKIE_SAMESITE": "Lax"}
    app.config.update(SECRET_KEY=os.urandom(32), MAX_CONTENT_LENGTH=64 * 1024, **cookie)
    app.extensions["desk"] = Desk(app, service)
    for path, view in (("/", home), ("/login", login), ("/register", register), ("/callback", finish)):
        app.add_url_rule(path, view_func=view)
    app.add_url_rule("/logout", view_func=logout, methods=["POST"])
    app.add_url_rule("/logout/backchannel", view_func=hear_of_logout, methods=["POST"])
    app.add_url_rule("/logout/frontchannel", view_func=see_logout)
    app.before_request(_refuse_forms_of_others)
    app.before_request(_choose_language)
    app.after_request(_add_headers)
    app.register_error_handler(HTTPException, _error)
    return app


def _refuse_forms_of_others() -> None:
    home = desk().service.address
    if request.method == "POST" and request.endpoint != "hear_of_logout" and request.headers.get("Origin", home) != home:
        abort(403)


def _choose_language() -> None:
    if request.args.get("lang") in LANGUAGES:
        session["lang"] = request.args["lang"]


def _error(problem: HTTPException) -> Response:
    return page("error.html", problem.code or 500)


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    # Chromium applies form-action to the redirects after the POST too: signing out leads to the provider.
    headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {desk().issuer}",
    )
    if request.endpoint != "static":
        headers["Cache-Control"] = "no-store"  # the back button shows nobody's page after they have left
    return response


class Quiet(WSGIRequestHandler):
    """Writes no access log: the address of a callback carries the code."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def serve(service: Service, create: Callable[[Service], Flask] = create_service) -> None:
    """Serves it on loopback, on its own port or the one that it was moved to."""
    port = int(service.address.rpartition(":")[2])
    make_server("127.0.0.1", port, create(service), threaded=True, request_handler=Quiet).serve_forever()
