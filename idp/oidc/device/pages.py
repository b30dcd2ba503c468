"""Signing in on a device without a keyboard (RFC 8628): its request, and the pages where its owner decides.

The owner's yes begins an interaction like any other; instead of a redirect it ends in a record that the device polls.
"""

from typing import Any

import flask
from flask import Response, g, make_response, render_template, url_for

from idp.core.settings import Settings, settings
from idp.interaction import pending
from idp.limits import rate_limits
from idp.oidc.authorization import pipeline
from idp.oidc.clients import authentication
from idp.oidc.clients.client import Client
from idp.oidc.clients.directory import clients
from idp.oidc.clients.presentation import service_of
from idp.oidc.device import approval, codes
from idp.oidc.device.codes import PendingDevice
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.oidc.tokens import endpoints
from idp.web import requests, typed_fields, urls


def device_authorization() -> Response:
    """The device authorization endpoint (RFC 8628 section 3.1)."""
    return endpoints.respond(_begin)


def _begin(asked: Request) -> Response:
    client = authentication.authenticate(asked, "device_authorization")
    pipeline.run(pipeline.DEVICE_AUTHORIZATION_STEPS, asked)
    begun = codes.begin(client.client_id, asked.scope, " ".join(asked.resources))
    page = settings().issuer + url_for("oidc.device")
    answer = {
        "device_code": begun.device_code,
        "user_code": codes.format_user_code(begun.user_code),
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={codes.format_user_code(begun.user_code)}",
        "expires_in": codes.LIFE,
        "interval": codes.POLL_INTERVAL,
    }
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache")]
    return server().handle_response(200, answer, headers)


def device() -> Response:
    """Asks for the code on the device's screen; a right one shows who asks, and warns (sections 3.3, 5.4 and 5.5)."""
    typed = flask.request.args.get("user_code", "")
    if not typed:
        return make_response(render_template("oidc/device.html", user_code=typed_fields.take().get("user_code")))
    found = _find_device(typed)
    client = clients().find(found.client_id) if found else None
    if client is None:
        return approval.user_code_page_again()
    shown = codes.format_user_code(codes.normalize_user_code(typed))
    return make_response(render_template("oidc/device_confirm.html", service=service_of(client), user_code=shown))


def decide() -> Response:
    """The code, then the decision: yes begins the corridor, no is told to the device at once."""
    typed, decision = flask.request.form.get("user_code", ""), flask.request.form.get("decision")
    if decision is None:
        return urls.see_other(url_for("oidc.device", user_code=codes.format_user_code(codes.normalize_user_code(typed))))
    found = _find_device(typed)
    client = clients().find(found.client_id) if found else None
    if found is None or client is None:
        return approval.user_code_page_again()
    if decision == "allow":
        return _begin_interaction(found, client)
    codes.deny(found.id)
    return urls.see_other(url_for("oidc.device_done", outcome="denied"))


def device_done(outcome: str) -> Response:
    """The end in the browser; the rest happens on the device."""
    return make_response(render_template("oidc/device_done.html", allowed=outcome == "allowed"))


def _find_device(typed: str) -> PendingDevice | None:
    """The device that shows this code. Every wrong guess of an address counts (section 5.1): raises TooManyAttempts."""
    # Counted before the look and given back after a right one: guesses sent all at once do not slip through.
    rate_limits.hit("device_code_address", requests.client_network())
    found = codes.find_by_user_code(typed)
    if found is not None:
        rate_limits.give_back("device_code_address", requests.client_network())
    return found


def _begin_interaction(found: PendingDevice, client: Client) -> Response:
    # The name of the device stands in what we say about the service, where no parameter of any client ever comes.
    service = service_of(client) | {"device": found.id}
    parameters = {"client_id": client.client_id, "scope": found.scope, "resource": found.resource}
    begun, secret = pending.begin({k: v for k, v in parameters.items() if v}, service)
    g.interaction = begun
    return pending.set_interaction_cookie(urls.see_other(url_for("oidc.resume", interaction_id=begun.id)), begun, secret)


def metadata(known: Settings) -> dict[str, Any]:
    """What discovery says about it (section 4)."""
    return {"device_authorization_endpoint": f"{known.issuer}/device_authorization"}
