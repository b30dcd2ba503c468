"""Logout asked for by a relying party (OpenID Connect RP-Initiated Logout 1.0): ask if unsure, go back only if safe."""

from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlencode

import flask
from authlib.oauth2 import OAuth2Error
from authlib.oidc.rpinitiated import EndSessionEndpoint as AuthlibEndSessionEndpoint
from authlib.oidc.rpinitiated.end_session import EndSessionRequest
from flask import Response, g, make_response, render_template, url_for

from idp.audit import trail
from idp.interaction import pending
from idp.oidc import request
from idp.oidc.authorization import id_token_hints
from idp.oidc.clients.directory import clients
from idp.oidc.clients.presentation import service_of
from idp.oidc.errors import oauth_error
from idp.oidc.logout import back_channel, front_channel, session_management
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.oidc.tokens import claims, refresh_tokens, signing_keys
from idp.sessions import single_sign_on
from idp.sessions.single_sign_on import Session
from idp.web import error_pages, headers, urls
from idp.web.urls import origin_of

PARAMETERS = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A logout about to be answered: what was asked, and the session that ends."""

    asked: EndSessionRequest
    session: Session | None


class EndSessionEndpoint(AuthlibEndSessionEndpoint):
    """Authlib's validation over our keys; whatever is wrong means: no redirect, and never an error page instead of leaving."""

    def _validate_id_token_hint(self, id_token_hint: str) -> dict[str, Any]:
        """The hint's claims; raises when it is not ours. It may have expired: people stay away longer than ten minutes."""
        hint: dict[str, Any] | None = signing_keys.verify(id_token_hint, "JWT")  # an access token is no hint
        audience = hint.get("aud") if hint else None
        if hint is None or not isinstance(audience, str) or not id_token_hints.is_id_token_for(hint, audience):
            raise oauth_error("invalid_request", "id_token_hint was not issued by us.")
        return hint

    def _is_valid_post_logout_redirect_uri(self, client: Any, post_logout_redirect_uri: str) -> bool:
        """Exact match with what the client registered."""
        return post_logout_redirect_uri in client.post_logout_redirect_uris

    def is_post_logout_redirect_uri_legitimate(self, *_: Any) -> bool:
        """Without a hint a registered address is followed too, once the person has confirmed (section 3): see `logout`."""
        return True

    def end_session(self, end_session_request: EndSessionRequest) -> None:
        """Nothing: `leave` ends it, since it alone knows which browser this is."""


def logout() -> Response:
    """The relying party's request. A POST from its site brings no Lax cookie: look again in a GET of our own."""
    try:
        asked = request.from_form() if flask.request.method == "POST" else request.from_query()
    except OAuth2Error:
        return _signed_out_page(None)
    if flask.request.method == "POST":
        return urls.see_other(f"{url_for('oidc.logout')}?{urlencode(_request_parameters(asked))}")
    farewell = LogoutRequest(_validated(asked), single_sign_on.current())
    if farewell.session is not None and (_is_unregistered(farewell.asked) or not _needs_no_confirmation(farewell)):
        return _confirmation(asked, farewell)
    if farewell.session is None and farewell.asked.id_token_claims is None:
        # Nobody has confirmed anything, and nobody vouches for who asks: a page with a link, and no redirect.
        farewell = replace(farewell, asked=replace(farewell.asked, redirect_uri=None))
    return complete_logout(farewell)


def logout_confirm() -> Response:
    """The person pressed a button of our own page (CSRF token and Origin were checked): `confirm=yes`, or stay."""
    form = flask.request.form
    asked = Request({name: form[name] for name in PARAMETERS if form.get(name)})
    if form.get("confirm") != "yes":
        return _signed_out_page(None, stayed=True)
    return complete_logout(LogoutRequest(_validated(asked), single_sign_on.current()))


def complete_logout(farewell: LogoutRequest) -> Response:
    """Ends the session and its tokens, takes the cookie away, goes back to the client or says goodbye."""
    session, asked = farewell.session, farewell.asked
    if session is not None:
        g.logout_requested_by = asked.client.client_id if asked.client else None
        trail.record("sign_out", account=session.account, client=g.logout_requested_by)
        single_sign_on.end(session.sid)
    told = front_channel.logout_urls(g.get("logged_out_clients", set()), session.sid) if session is not None else []
    response = front_channel.page(told, asked.redirect_uri, _service(asked)) if told else _redirect_or_page(asked)
    if _is_unregistered(asked):
        response = _unregistered_page(asked, told)
    single_sign_on.delete_cookie(response)
    session_management.delete_browser_state(response)
    pending.sign_out()
    response.headers["Cache-Control"] = "no-store"
    return response


def on_session_ended(_: Any, sid: str, account: str, clients: set[str]) -> None:
    """A session has ended, however it did: its refresh tokens too, and each client hears of it; who asked hears first."""
    refresh_tokens.revoke_for_session(sid)
    back_channel.notify(sid, account, clients, first=g.get("logout_requested_by"))
    g.logged_out_clients = clients


def _redirect_or_page(asked: EndSessionRequest) -> Response:
    if not asked.redirect_uri and flask.request.args.get("id_token_hint"):
        # The page is at an address of its own: an ID token stays in no address bar and no history.
        return urls.see_other(_address_without_hint(asked))
    if not asked.redirect_uri:
        return _signed_out_page(asked)
    if flask.request.method == "POST":
        # After our own question a page leads on, not a redirect: Chromium would hold that against the form's policy.
        return _signed_out_page(asked, onward=asked.redirect_uri)
    return urls.see_other(asked.redirect_uri)


def _address_without_hint(asked: EndSessionRequest) -> str:
    """Where the signed-out page of this client can be opened by anybody."""
    return url_for("oidc.logout", client_id=asked.client.client_id if asked.client else None)


def _is_unregistered(asked: EndSessionRequest) -> bool:
    """Whether a service that proved itself by its hint names an address that it has not registered."""
    named = cast(Request, asked.request).get("post_logout_redirect_uri")
    return asked.id_token_claims is not None and bool(named) and not asked.redirect_uri


def _unregistered_page(asked: EndSessionRequest, told: list[str]) -> Response:
    """Section 3: no redirect then; the page names the fault for whoever looks after the service, and the way back to it."""
    headers.allow_frames(*sorted({origin_of(address) for address in told}))
    fault = "post_logout_redirect_uri is not registered for this client"
    return error_pages.error_page(
        400, "invalid_request", template="oidc/logout_refused.html", description=fault, service=_service(asked), frames=told,
        client_id=asked.client.client_id if asked.client else None,
    )  # fmt: skip


def _validated(asked: Request) -> EndSessionRequest:
    """The request as far as it holds; what does not hold is left out, so that nothing unverified is ever followed."""
    if asked.repeated:
        return EndSessionRequest(request=asked)
    try:
        validated = server().validate_endpoint_request("end_session", asked)
    except OAuth2Error as error:
        trail.record("logout_refused", reason=error.error)
        return EndSessionRequest(request=asked, client=clients().find(asked.get("client_id")))
    assert isinstance(validated, EndSessionRequest)
    return validated


def _needs_no_confirmation(farewell: LogoutRequest) -> bool:
    """Whether no question is needed: the hint names this very session, or its person (RP-Initiated Logout section 2)."""
    hint, session = farewell.asked.id_token_claims, farewell.session
    client = farewell.asked.client
    if hint is None or session is None or client is None:
        return False
    return hint.get("sid") == claims.sid_for(client, session.sid) or hint.get("sub") == claims.subject_for(
        client, session.account
    )


def _request_parameters(asked: Request) -> dict[str, str]:
    return {name: asked.get(name) for name in PARAMETERS if asked.get(name) and name not in asked.repeated}


def _confirmation(asked: Request, farewell: LogoutRequest) -> Response:
    context = {"service": _service(farewell.asked), "fields": _request_parameters(asked)}
    return make_response(render_template("oidc/logout.html", **context))


def _signed_out_page(asked: EndSessionRequest | None, *, stayed: bool = False, onward: str | None = None) -> Response:
    service = _service(asked) if asked else None
    return make_response(render_template("oidc/logged_out.html", service=service, stayed=stayed, continue_url=onward))


def _service(asked: EndSessionRequest) -> dict[str, str] | None:
    return service_of(asked.client) if asked.client is not None else None
