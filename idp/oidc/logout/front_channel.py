"""Front-channel logout (OpenID Connect Front-Channel Logout 1.0): a page whose frames tell each client."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from flask import Response, make_response, render_template

from idp.core.settings import settings
from idp.oidc.clients.directory import clients
from idp.oidc.tokens import claims
from idp.web import headers
from idp.web.urls import origin_of

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

FRAME_SECONDS = 3  # seconds that the page waits for the frames before it moves on by itself


def logout_urls(client_ids: set[str], sid: str) -> list[str]:
    """The addresses to show, for those clients that registered one; exactly `iss` and `sid` are added (section 3)."""
    found = (clients().find(client_id) for client_id in sorted(client_ids))
    return [_address(client, sid) for client in found if client and client.frontchannel_logout_uri]


def page(addresses: list[str], redirect_uri: str | None, service: dict[str, str] | None) -> Response:
    """The signed-out page with its frames; it goes on to `redirect_uri` by itself, also without JavaScript."""
    headers.allow_frames(*sorted({origin_of(address) for address in addresses}))
    context = {"frames": addresses, "continue_url": redirect_uri, "service": service}
    response = make_response(render_template("oidc/logged_out.html", **context))
    if redirect_uri:
        response.headers["Refresh"] = f"{FRAME_SECONDS}; url={redirect_uri}"
    return response


def _address(client: "Client", sid: str) -> str:
    uri = str(client.frontchannel_logout_uri)
    query = urlencode({"iss": settings().issuer, "sid": claims.sid_for(client, sid)})
    return f"{uri}{'&' if urlsplit(uri).query else '?'}{query}"
