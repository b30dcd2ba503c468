"""A small relying party: what every demo service has in common. Authlib's Flask client does all of the protocol."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, abort, redirect, render_template, request, session, url_for
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response


@dataclass(frozen=True)
class Service:
    """One service: its client id, what it is called, where it listens, what it asks for."""

    client_id: str
    title: str
    promise: str
    port: int
    scope: str
    colour: str


def create_service(service: Service) -> Flask:
    """The service as a Flask application; issuer and secret come from the environment."""
    issuer = os.environ.get("IDP_ISSUER", "http://127.0.0.1:5000")
    app = Flask(__name__, template_folder="templates")
    # A cookie name of its own: cookies do not tell ports of one host apart.
    app.config.update(SECRET_KEY=os.urandom(32), SESSION_COOKIE_NAME=f"{service.client_id}_session")
    siapkerja = OAuth(app).register(
        "siapkerja",
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_id=service.client_id,
        client_secret=os.environ[f"{service.client_id.upper()}_CLIENT_SECRET"],
        client_kwargs={"scope": service.scope, "code_challenge_method": "S256"},
    )
    app.extensions["siapkerja"] = siapkerja
    callback = f"http://127.0.0.1:{service.port}/callback"

    @app.get("/")
    def home() -> str:
        return render_template("home.html", service=service, person=session.get("person"), message=session.pop("message", None))

    @app.get("/login")
    def login() -> Response:
        # Our own button, or SIAPkerja's pages (OpenID Connect Core section 4): nobody else may begin a sign-in here.
        if request.args.get("iss", issuer) != issuer:
            abort(400)
        return siapkerja.authorize_redirect(callback)

    @app.get("/register")
    def register() -> Response:
        return siapkerja.authorize_redirect(callback, prompt="create")

    @app.get("/silent")
    def silent() -> Response:
        return siapkerja.authorize_redirect(callback, prompt="none")

    @app.get("/callback")
    def finish() -> Response:
        try:
            token = siapkerja.authorize_access_token()
        except OAuthError as error:
            if error.error == "login_required":
                session.clear()  # signed out elsewhere: what we remember is over too
            session["message"] = MESSAGES.get(error.error, f"Belum berhasil masuk ({error.error}).")
            return redirect(url_for("home"), 303)
        claims = dict(token["userinfo"]) | dict(siapkerja.userinfo(token=token))
        session["person"] = {k: v for k, v in claims.items() if k not in ("at_hash", "nonce", "iat", "exp", "aud", "iss")}
        session["id_token"] = token["id_token"]
        return redirect(url_for("home"), 303)

    @app.post("/logout")
    def logout() -> Response:
        hint = session.pop("id_token", "")
        session.clear()
        end = siapkerja.load_server_metadata()["end_session_endpoint"]
        response = redirect(end, 303)
        response.location = f"{end}?id_token_hint={hint}&client_id={service.client_id}"
        return response

    return app


MESSAGES = {
    "unmet_authentication_requirements": "Layanan ini memerlukan masuk yang lebih kuat.",
    "access_denied": "Anda kembali tanpa masuk.",
    "login_required": "Anda belum masuk ke SIAPkerja.",
    "mismatching_state": "Halaman masuk itu sudah tidak berlaku. Silakan masuk lagi.",
}


class Quiet(WSGIRequestHandler):
    """Writes no access log: the address of a callback carries the code."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def serve(service: Service, create: Callable[[Service], Flask] = create_service) -> None:
    """Serves it on loopback, on its own port or that of PORT (its callback must then be registered with the provider)."""
    placed = replace(service, port=int(os.environ.get("PORT", service.port)))
    make_server("127.0.0.1", placed.port, create(placed), threaded=True, request_handler=Quiet).serve_forever()
