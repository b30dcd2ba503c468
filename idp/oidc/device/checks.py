"""What a device's request must be (RFC 8628), beyond what every authorization request must."""

from idp.oidc.clients.rules import DEVICE_CODE_GRANT
from idp.oidc.device import codes
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request


def check_device_grant_allowed(request: Request) -> None:
    """The client registered the device grant."""
    if not request.registered.check_grant_type(DEVICE_CODE_GRANT):
        raise oauth_error("unauthorized_client", "The client may not use this grant_type.")


def check_device_pending(request: Request) -> None:
    """Nobody has decided yet, and the code has not expired."""
    if codes.find_pending(request.device) is None:
        raise oauth_error("expired_token", "The device code has expired.")
