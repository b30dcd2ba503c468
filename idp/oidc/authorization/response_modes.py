"""Authorization responses: the one place that knows response modes; every answer, success or error, names its issuer."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from flask import Response, make_response, render_template

from idp.core.settings import settings
from idp.oidc.request import Request, words
from idp.web import headers

Parameters = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What goes back to the client: verified redirect URI, response mode, parameters."""

    redirect_uri: str
    mode: str
    parameters: Parameters

    def render(self) -> Response:
        """The HTTP response, never cached: it holds a code or a token."""
        named = [*self.parameters, ("iss", settings().issuer)]  # RFC 9207 section 2: errors too
        response = MODES[self.mode](self.redirect_uri, named)
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
        request.verified_redirect_uri or "", effective_mode(request), [*parameters, *request.extras, *echoed]
    )


def default_mode(response_type: str | None) -> str:
    """`fragment` for whatever carries a token, so that it never reaches a server's log (OAuth Multiple Types, section 5)."""
    return "fragment" if set(words(response_type)) & {"token", "id_token"} else "query"


def allowed_modes(response_type: str | None) -> frozenset[str]:
    """The modes that this response type may be answered in: `query` never carries a token."""
    modes = frozenset(MODES)
    return modes if default_mode(response_type) == "query" else modes - {"query"}


def effective_mode(request: Request) -> str:
    """The mode asked for, or the response type's default when none or an impossible one was."""
    asked = request.get("response_mode")
    response_type = request.payload.response_type
    return asked if asked in allowed_modes(response_type) else default_mode(response_type)


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
