"""The protocol: OpenID Connect and OAuth 2.0 over Authlib; this module is its table of contents."""

import logging
from typing import Any

from flask import Blueprint, Flask

from idp import connections, interaction, web
from idp.accounts import account_deleting, account_locked, erased, erasing, password_changed, recovered
from idp.oidc import (
    authorize,
    built_in,
    checks,
    client_registration,
    connected,
    cors,
    device,
    discovery,
    dynamic_clients,
    encryption,
    endpoints,
    families,
    logout,
    par,
    session_state,
    token,
    userinfo,
)
from idp.oidc.client_file import ClientDirectory
from idp.oidc.discovery import WellKnown
from idp.oidc.grants import TABLE as GRANTS
from idp.oidc.introspection import IntrospectionEndpoint
from idp.oidc.keys import KeyRing
from idp.oidc.logout import EndSessionEndpoint
from idp.oidc.revocation import RevocationEndpoint
from idp.oidc.server import AuthorizationServer
from idp.sessions import session_ended

# Modules with routes, each adding its own; then the endpoints that Authlib's server answers itself.
ROUTES: list[Any] = [authorize, endpoints, userinfo, logout, par, device, session_state, client_registration, cors]
# Pushed requests build on the server, and the server on the pipeline: so they join the pipeline here.
checks.SOURCES.insert(0, par.unpack)
checks.VALIDATE.append((par.pushed_when_required, "RFC 9126 5: require_pushed_authorization_requests"))
discovery.FEATURES += [par.metadata, device.metadata, encryption.metadata, client_registration.metadata]

ENDPOINTS: list[Any] = [IntrospectionEndpoint, RevocationEndpoint, EndSessionEndpoint]


def init_app(app: Flask) -> None:
    """Builds the authorization server and binds the routes."""
    # Authlib prints whole token responses at DEBUG: never, whatever level the application logs at.
    logging.getLogger("authlib").setLevel(logging.INFO)
    app.extensions["idp.clients"] = _directory(app)
    app.extensions["idp.keys"] = KeyRing()
    app.extensions["idp.oidc"] = _server()
    connections.install(app, connected.Services())
    blueprint = Blueprint("oidc", __name__)
    blueprint.url_value_preprocessor(interaction.enter)
    for module in ROUTES:
        module.register(blueprint)
    app.register_blueprint(blueprint)
    web.refuse_in_json(app, endpoints.SEGMENTS, endpoints.refused)
    app.wsgi_app = WellKnown(app, app.wsgi_app)  # type: ignore[method-assign]
    _listen()


def _directory(app: Flask) -> ClientDirectory:
    known = app.extensions["idp.settings"]
    found = ClientDirectory.open(known.clients_file, production=known.production)
    found.others += [built_in.find, dynamic_clients.find]
    return found


def _server() -> Any:
    built: Any = AuthorizationServer()
    built.register_token_generator("default", token.generate)
    for grant, extensions in GRANTS:
        built.register_grant(grant, extensions)
    for endpoint in ENDPOINTS:
        built.register_endpoint(endpoint)
    return built


def _listen() -> None:
    session_ended.connect(logout.tell)
    for signal in (account_locked, account_deleting, password_changed, recovered):
        signal.connect(_end_refreshing)
    erasing.connect(connected.erase)
    erased.connect(connected.forget)


def _end_refreshing(_: Any, subject: str, **rest: Any) -> None:
    families.end_account(subject)
