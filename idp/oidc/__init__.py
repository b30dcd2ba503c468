"""The protocol: OpenID Connect and OAuth 2.0 over Authlib; this module is its table of contents."""

from typing import Any

from flask import Blueprint, Flask

from idp.accounts import account_erased, account_erasing, connections
from idp.interaction import rooms
from idp.oidc import routes
from idp.oidc.clients import built_in, connected_services, dynamic, presentation
from idp.oidc.clients.directory import ClientDirectory
from idp.oidc.logout import rp_initiated
from idp.oidc.logout.rp_initiated import EndSessionEndpoint
from idp.oidc.metadata.discovery import WellKnown
from idp.oidc.server import AuthorizationServer
from idp.oidc.tokens import endpoints, issuance
from idp.oidc.tokens.grants import GRANT_CLASSES
from idp.oidc.tokens.introspection import IntrospectionEndpoint
from idp.oidc.tokens.revocation import RevocationEndpoint
from idp.oidc.tokens.signing_keys import KeyRing
from idp.sessions.single_sign_on import session_ended
from idp.web import error_pages
from idp.web.direct_calls import DirectCalls

ENDPOINTS: tuple[Any, ...] = (IntrospectionEndpoint, RevocationEndpoint, EndSessionEndpoint)


def init_app(app: Flask) -> None:
    """Builds the authorization server and binds the routes."""
    app.extensions["idp.clients"] = _directory(app)
    app.jinja_env.globals["services_to_visit"] = presentation.services_to_visit  # for the front page, which knows no client
    app.extensions["idp.keys"] = KeyRing()
    app.extensions["idp.oidc"] = _server()
    connections.register_provider(app, connected_services.ConnectedServices())
    blueprint = Blueprint("oidc", __name__)
    blueprint.url_value_preprocessor(rooms.load_from_url)
    routes.bind(blueprint)
    app.register_blueprint(blueprint)
    error_pages.answer_errors_in_json(app, routes.called_segments(), endpoints.error_for_status)
    app.wsgi_app = DirectCalls(app, app.wsgi_app, routes.called_all_day())  # type: ignore[method-assign]
    app.wsgi_app = WellKnown(app, app.wsgi_app)  # type: ignore[method-assign]
    _listen()


def _directory(app: Flask) -> ClientDirectory:
    known = app.extensions["idp.settings"]
    others = (built_in.find, dynamic.find)
    return ClientDirectory.open(known.clients_file, production=known.production, others=others)


def _server() -> Any:
    built: Any = AuthorizationServer()
    built.register_token_generator("default", issuance.generate)
    for grant, extensions, _clause in GRANT_CLASSES:
        built.register_grant(grant, extensions)
    for each in ENDPOINTS:
        built.register_endpoint(each)
    return built


def _listen() -> None:
    session_ended.connect(rp_initiated.on_session_ended)
    account_erasing.connect(connected_services.erase)
    account_erased.connect(connected_services.forget)
