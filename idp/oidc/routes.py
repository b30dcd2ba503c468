"""Every route of the protocol in one table, each beside the clause that asks for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint

from idp.oidc import cors
from idp.oidc.authorization import endpoint, pushed_request_endpoint
from idp.oidc.clients import registration
from idp.oidc.device import pages as device
from idp.oidc.logout import rp_initiated, session_management
from idp.oidc.tokens import dpop_nonces, endpoints, userinfo
from idp.web.csrf import csrf_protect

GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")


@dataclass(frozen=True, slots=True)
class Route:
    """One address: what people's browsers open, or what clients call, whose errors are JSON whatever goes wrong."""

    rule: str
    methods: tuple[str, ...]
    view: Callable[..., Any]
    clause: str
    name: str = ""  # of the endpoint, the view's own unless given
    called: bool = False  # by a client itself, without a person or a cookie
    all_day: bool = False  # called so often that it is served ahead of Flask's routing (web/direct_calls.py)
    cross_site: bool = False  # a POST from another site is served here: without a CSRF token, and without our cookies


# The documents below /.well-known and the JWKS are answered before Flask: see metadata/discovery.py.
ROUTES: tuple[Route, ...] = (
    Route("/authorize", BOTH, endpoint.authorize, "RFC 6749 3.1; OpenID Connect Core 3.1.2.1", cross_site=True),
    Route("/interaction/<interaction_id>", GET, endpoint.resume, "our own: where next"),
    Route("/interaction/<interaction_id>/cancel", POST, endpoint.cancel, "RFC 6749 4.1.2.1: access_denied"),
    Route("/interaction/<interaction_id>/consent", BOTH, endpoint.consent_page, "OpenID Connect Core 3.1.2.4", name="consent"),
    Route("/token", POST, endpoints.token, "RFC 6749 3.2", called=True, all_day=True),
    Route("/introspect", POST, endpoints.introspect, "RFC 7662 2", called=True, all_day=True),
    Route("/revoke", POST, endpoints.revoke, "RFC 7009 2", called=True),
    Route("/userinfo", BOTH, userinfo.userinfo, "OpenID Connect Core 5.3", called=True, all_day=True),
    Route("/par", POST, pushed_request_endpoint.par, "RFC 9126 2", called=True),
    Route("/device_authorization", POST, device.device_authorization, "RFC 8628 3.1", called=True),
    Route("/device", GET, device.device, "RFC 8628 3.3"),
    Route("/device", POST, device.decide, "RFC 8628 3.3"),
    Route("/device/<any(allowed, denied):outcome>", GET, device.device_done, "RFC 8628 3.3"),
    Route("/logout", BOTH, rp_initiated.logout, "RP-Initiated Logout 1.0 section 2", cross_site=True),
    Route("/logout/confirm", POST, rp_initiated.logout_confirm, "RP-Initiated Logout 1.0 section 2: asking the person"),
    Route("/check_session", GET, session_management.check_session, "Session Management 1.0 section 3.2"),
    Route("/register", POST, registration.register_client, "RFC 7591 3", called=True),
    Route("/register/<client_id>", ("GET", "PUT", "DELETE"), registration.manage_client, "RFC 7592 2", called=True),
)


def bind(blueprint: Blueprint) -> None:
    """Binds every route; scripts of other origins, and clients with proofs, get their headers on the way out."""
    for route in ROUTES:
        # Where no cookie counts there is nothing to forge: only what a person does in our pages wants a CSRF token.
        view = csrf_protect.exempt(route.view) if route.called or route.cross_site else route.view
        blueprint.add_url_rule(route.rule, route.name or view.__name__, view, methods=route.methods)
    blueprint.after_request(cors.complete)
    blueprint.after_request(dpop_nonces.offer)


def called_all_day() -> dict[tuple[str, str], str]:
    """Flask's endpoints, by method and path, of what is called all day."""
    return {
        (method, route.rule): f"oidc.{route.name or route.view.__name__}"
        for route in ROUTES
        if route.all_day
        for method in route.methods
    }


def called_segments() -> set[str]:
    """The first segment of every path that clients call and nobody reads: their errors are JSON, also those no view sees."""
    return {route.rule.split("/")[1] for route in ROUTES if route.called}
