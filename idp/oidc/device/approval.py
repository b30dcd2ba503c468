"""A device's request at the authorization endpoint's end of things (RFC 8628): its pipeline, and how it is answered."""

from typing import Any

from authlib.oauth2.rfc6749.grants import BaseGrant
from flask import Response, make_response, render_template, url_for

from idp.core import lifetimes
from idp.core.languages import _
from idp.oidc.authorization import pipeline
from idp.oidc.device import codes
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import service_use
from idp.oidc.tokens.approvals import Approval
from idp.web import urls


class DeviceAuthorizationGrant(BaseGrant):
    """Stands where a response type's grant stands for other requests: the answer goes to the device, not to a redirect URI."""

    request: Request

    def validate_no_multiple_request_parameter(self, request: Any) -> None:
        """For Authlib: we wrote these parameters ourselves."""

    def validate_consent_request(self) -> None:
        """For Authlib: the pipeline has run."""

    def validate_authorization_request(self) -> str:
        """For Authlib: there is no redirect URI."""
        return ""

    def create_authorization_response(self, redirect_uri: str, grant_user: Approval) -> Any:
        """Hands the approval to the device and says so in the browser; raises `expired_token`."""
        if not codes.allow(self.request.device, grant_user):
            raise oauth_error("expired_token", "The device code has expired.")
        service_use.add_client_to_session(grant_user, lifetimes.SESSION.seconds)
        return 303, "", [("Location", url_for("oidc.device_done", outcome="allowed"))]


def grant_for(request: Request, server: Any) -> DeviceAuthorizationGrant:
    """Runs the steps of a device's request; raises OAuth2Error."""
    pipeline.validate(request)
    return DeviceAuthorizationGrant(request, server)


def error_response(request: Request, error: str) -> Response:
    """A device's request that ends without a yes: a no is told to the device, and the browser says what happened."""
    if error == "access_denied":
        codes.deny(request.device)
        return urls.see_other(url_for("oidc.device_done", outcome="denied"))
    return user_code_page_again()


def user_code_page_again() -> Response:
    """The first page again: the code is unknown, has expired, or was decided about before."""
    problem = _("Kode itu tidak dikenal atau sudah kedaluwarsa. Periksa kode pada layar perangkat.")
    return make_response(render_template("oidc/device.html", problem=problem), 400)
