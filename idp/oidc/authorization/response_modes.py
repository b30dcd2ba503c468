"""Authorization responses: the one place that knows response modes; every answer, success or error, names its issuer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from flask import Response, make_response, render_template

from idp.core.settings import settings
from idp.oidc.request import Request, words
from idp.oidc.tokens import encryption
from idp.web import headers

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

Parameters = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What goes back to the client: verified redirect URI, response mode, parameters."""

    redirect_uri: str
    mode: str
    parameters: Parameters
    client: "Client"

    def render(self) -> Response:
        """The HTTP response, never cached: it holds a code or a token; raises OAuth2Error when it cannot be encrypted."""
        named = [*self.parameters, ("iss", settings().issuer)]  # RFC 9207 section 2: errors too
        plain, _, wrapping = self.mode.partition(".")
        if wrapping:  # JARM section 2.1: everything inside, the issuer too, and nothing beside it
            named = [("response", encryption.encode_authorization_response(dict(named), self.client))]
        response = MODES[plain](self.redirect_uri, named)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Pragma"] = "no-cache"
        return response


def leave_by_page(response: Response) -> Response:
    """The same answer for whoever has sent a form of ours on the way: a page that goes on by itself instead of a redirect.

    Chromium holds every hop after a form against its page's `form-action` (Content Security Policy 3 section 6.4.1): the
    service's own redirects too, which nobody here knows. A page in between ends that chain; where no redirect leads to a
    service nothing changes.
    """
    location = response.headers.get("Location", "")
    if not urlsplit(location).scheme:
        return response
    del response.headers["Location"]
    response.status_code, response.mimetype = 200, "text/html"
    response.set_data(render_template("oidc/leaving.html", onward=location))
    return response


def authorization_response(request: Request, parameters: Parameters) -> AuthorizationResponse:
    """An answer to a verified request, in its response mode, with its `state` exactly as received."""
    state = request.get("state")
    echoed = [("state", state)] if state and "state" not in request.repeated else []
    return AuthorizationResponse(
        request.verified_redirect_uri or "", effective_mode(request), [*parameters, *request.extras, *echoed], request.registered
    )


def default_mode(response_type: str | None) -> str:
    """`fragment` for whatever carries a token, so that it never reaches a server's log (OAuth Multiple Types, section 5)."""
    return "fragment" if set(words(response_type)) & {"token", "id_token"} else "query"


def names() -> list[str]:
    """Every mode that a client may ask for: each plainly, and as a JWT (JARM section 2.3)."""
    return [*MODES, *(f"{mode}.jwt" for mode in MODES), "jwt"]


def allowed_modes(response_type: str | None) -> frozenset[str]:
    """The modes that this response type may be answered in: `query` never carries a token."""
    modes = frozenset(names())
    return modes if default_mode(response_type) == "query" else modes - {"query", "query.jwt"}


def effective_mode(request: Request) -> str:
    """The mode asked for, or the response type's default when none or an impossible one was."""
    asked = request.get("response_mode")
    response_type = request.payload.response_type
    mode = asked if asked in allowed_modes(response_type) else default_mode(response_type)
    if mode == "jwt":
        return default_mode(response_type) + ".jwt"  # JARM section 2.3.4
    # An error of a client that wants its answers signed is signed, even where the error is that it did not say so.
    return f"{mode}.jwt" if request.registered.answered_in_jwts and not mode.endswith("jwt") else mode


def _redirect(uri: str, separator: str, parameters: Parameters) -> Response:
    # %20 rather than +: scripts that read a fragment with decodeURIComponent know only the former.
    location = f"{uri}{separator}{urlencode(parameters, quote_via=quote)}"
    return Response(status=303, headers=[("Location", location)], mimetype="text/plain")


def _in_query(uri: str, parameters: Parameters) -> Response:
    return _redirect(uri, "&" if urlsplit(uri).query else "?", parameters)


def _in_fragment(uri: str, parameters: Parameters) -> Response:
    return _redirect(uri, "#", parameters)


def _in_form_post(uri: str, parameters: Parameters) -> Response:
    # The service may redirect the form to any host of its own; a source cannot name an IPv6 address at all.
    headers.allow_form_action(f"{urlsplit(uri).scheme}:")
    return make_response(render_template("oidc/form_post.html", action=uri, parameters=parameters))


MODES: dict[str, Callable[[str, Parameters], Response]] = {
    "query": _in_query,
    "fragment": _in_fragment,
    "form_post": _in_form_post,
}
