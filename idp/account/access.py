"""The account's own pages: whoever opens them is signed in through the same corridor as at any service."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from flask import Blueprint, Response, g, request, url_for

from idp import accounts, authenticators, probation
from idp.core import clock, crypto, lifetimes
from idp.core.settings import settings
from idp.core.values import ACCOUNT_CLIENT, ACR_MFA
from idp.sessions import single_sign_on
from idp.storage.sealing import Unsealable, sealer
from idp.web import urls
from idp.web.forms import form_page

RECENT_SIGN_IN_SECONDS = lifetimes.RECENT_SIGN_IN.seconds
EXPIRY_WARNING_SECONDS = lifetimes.SESSION_WARNING.seconds
STATE = "account.state"
ESSENTIAL_MFA_CLAIMS = orjson.dumps({"id_token": {"acr": {"essential": True, "value": ACR_MFA}}}).decode()

blueprint = Blueprint("account", __name__, url_prefix="/account")


def sign_in_required(view: Callable[..., Response]) -> Callable[..., Response]:
    """Gives the view `g.session` and `g.account`; whoever is not signed in comes back here after doing so."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        session = single_sign_on.current()
        account = accounts.find(session.account) if session else None
        if session is None or account is None:
            return redirect_to_sign_in()
        g.session, g.account, g.locale = session, account, account.locale
        return _add_expiry_warning(view(**values))

    return opened


def recent_sign_in_required(view: Callable[..., Response]) -> Callable[..., Response]:
    """Inside `signed_in`: asks for a new sign-in when the last is more than 20 minutes ago."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        if clock.timestamp() - g.session.authentication.auth_time > RECENT_SIGN_IN_SECONDS:
            return redirect_to_sign_in(max_age=str(RECENT_SIGN_IN_SECONDS))
        return view(**values)

    return opened


def closed_during_probation(view: Callable[..., Response]) -> Callable[..., Response]:
    """Inside `signed_in`: closed while the account is on probation after a recovery, until its owner has had time to
    object: fails closed."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        until = probation.frozen_until(g.account.subject)
        if until is not None:
            return page("frozen", status=403, until=clock.from_timestamp(until))
        return view(**values)

    return opened


def second_factor_required(view: Callable[..., Response]) -> Callable[..., Response]:
    """Opens only for whoever signed in lately and with a second factor: neither a stolen password nor a session that was
    left open changes how an account is entered. Whoever has no second factor yet gets a code by SMS."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        if "mfa" not in g.session.authentication.amr:
            return redirect_to_sign_in(max_age=str(RECENT_SIGN_IN_SECONDS), claims=ESSENTIAL_MFA_CLAIMS)
        return view(**values)

    return sign_in_required(recent_sign_in_required(closed_during_probation(opened)))


def second_factor_required_if_enrolled(view: Callable[..., Response]) -> Callable[..., Response]:
    """Opens only for whoever signed in lately, and with the second factor if the account has one: a browser that is
    excused from it, left open, neither takes the account along nor away."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        proved = g.session.authentication
        if "mfa" not in proved.amr and authenticators.enrolled_for(proved.account).any:
            return redirect_to_sign_in(max_age=str(RECENT_SIGN_IN_SECONDS), claims=ESSENTIAL_MFA_CLAIMS)
        return view(**values)

    return sign_in_required(recent_sign_in_required(closed_during_probation(opened)))


def go_on_here(response: Response, generation: int) -> Response:
    """Signs this browser in anew after its owner's own change, which ended every session: whoever has copied this
    session's cookie has nothing from now on."""
    single_sign_on.reissue(g.session, generation, response)
    return response


def redirect_to_sign_in(path: str | None = None, **wishes: Any) -> Response:
    """To /authorize as any service, and back to `path`, else to this page; after a POST that no page shows the form of, to the
    account's first page: it was not done."""
    shown = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    path = path or (request.path if shown else url_for("account.home"))
    asked: dict[str, Any] = {
        "response_type": "code",
        "client_id": ACCOUNT_CLIENT,
        "redirect_uri": settings().issuer + url_for("account.callback"),
        "scope": "openid",
        "state": sealer().seal(path, STATE),
        "nonce": crypto.random_token(16),
        "code_challenge": crypto.digest(crypto.random_token()),
        "code_challenge_method": "S256",
    }
    return urls.see_other(url_for("oidc.authorize", **asked | wishes))


def page(template: str, form: Any = None, status: int | None = None, **context: Any) -> Response:
    """One of the account's pages; 422 when its form has errors."""
    return form_page(f"account/{template}.html", form, status, **context)


@blueprint.route("/register")
def register() -> Response:
    """Registration for somebody who came without a service: it ends at their new account's pages."""
    return redirect_to_sign_in(url_for("account.home"), prompt="create")


@blueprint.errorhandler(accounts.Outdated)
def sign_in_anew(_: accounts.Outdated) -> Response:
    """The account has changed meanwhile, and with it ended this session: nothing was done."""
    return redirect_to_sign_in()


@blueprint.route("/callback")
def callback() -> Response:
    """Back from the corridor. The code is left to die: these pages ask the session itself, which it was issued for."""
    if request.args.get("error") == "access_denied":
        return urls.see_other(url_for("pages.home"))
    if "error" in request.args:
        return urls.see_other(url_for("account.home"))
    try:
        path = sealer().open(request.args.get("state", ""), STATE)
    except Unsealable:
        path = url_for("account.home")
    return urls.see_other(path)


def _add_expiry_warning(response: Response) -> Response:
    """A page that stays open asks, before its session ends, whether it shall go on: by a header, so without JavaScript."""
    end = single_sign_on.current_expiry()
    if response.mimetype == "text/html" and end is not None:
        wait = max(1, end.at - clock.timestamp() - EXPIRY_WARNING_SECONDS)
        response.headers["Refresh"] = f"{wait}; url={url_for('account.session_expiry', back=request.path)}"
    return response
