"""The account's own pages: whoever opens them is signed in through the same corridor as at any service."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from flask import Blueprint, Response, g, request, url_for

from idp import accounts, authenticators, probation
from idp.core import clock, crypto
from idp.core.settings import settings
from idp.core.values import ACCOUNT_CLIENT, ACR_MFA
from idp.sessions import single_sign_on
from idp.storage.sealing import Unsealable, sealer
from idp.web import urls
from idp.web.forms import form_page

RECENT = 20 * 60  # seconds after a sign-in in which nothing is asked again
WARNED = 2 * 60  # seconds before the end of a session in which a page says so
STATE = "account.state"
INSIST = orjson.dumps({"id_token": {"acr": {"essential": True, "value": ACR_MFA}}}).decode()

blueprint = Blueprint("account", __name__, url_prefix="/account")


def signed_in(view: Callable[..., Response]) -> Callable[..., Response]:
    """Gives the view `g.session` and `g.account`; whoever is not signed in comes back here after doing so."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        session = single_sign_on.current()
        account = accounts.find(session.account) if session else None
        if session is None or account is None:
            return sign_in()
        g.session, g.account, g.locale = session, account, account.locale
        return _warning_before_the_end(view(**values))

    return opened


def recently(view: Callable[..., Response]) -> Callable[..., Response]:
    """Inside `signed_in`: asks for a new sign-in when the last is more than 20 minutes ago."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        if clock.timestamp() - g.session.authentication.auth_time > RECENT:
            return sign_in(max_age=str(RECENT))
        return view(**values)

    return opened


def unfrozen(view: Callable[..., Response]) -> Callable[..., Response]:
    """Inside `signed_in`: closed while the account is on probation after a recovery, until its owner has had time to
    object: fails closed."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        until = probation.frozen(g.account.subject)
        if until is not None:
            return page("frozen", status=403, until=clock.from_timestamp(until))
        return view(**values)

    return opened


def strongly(view: Callable[..., Response]) -> Callable[..., Response]:
    """Opens only for whoever signed in lately and with a second factor: neither a stolen password nor a session that was
    left open changes how an account is entered. Whoever has no second factor yet gets a code by SMS."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        if "mfa" not in g.session.authentication.amr:
            return sign_in(max_age=str(RECENT), claims=INSIST)
        return view(**values)

    return signed_in(recently(unfrozen(opened)))


def surely(view: Callable[..., Response]) -> Callable[..., Response]:
    """Opens only for whoever signed in lately, and with the second factor if the account has one: a browser that is
    excused from it, left open, neither takes the account along nor away."""

    @wraps(view)
    def opened(**values: Any) -> Response:
        proved = g.session.authentication
        if "mfa" not in proved.amr and authenticators.of(proved.account).any:
            return sign_in(max_age=str(RECENT), claims=INSIST)
        return view(**values)

    return signed_in(recently(unfrozen(opened)))


def sign_in(path: str | None = None, **wishes: Any) -> Response:
    """To /authorize as any service, and back to `path`, else to this page; after a POST, to the account's first page: it
    was not done."""
    path = path or (request.path if request.method == "GET" else url_for("account.home"))
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


def _warning_before_the_end(response: Response) -> Response:
    """A page that stays open asks, before its session ends, whether it shall go on: by a header, so without JavaScript."""
    end = single_sign_on.ends()
    if response.mimetype == "text/html" and end is not None:
        wait = max(1, end.at - clock.timestamp() - WARNED)
        response.headers["Refresh"] = f"{wait}; url={url_for('account.ending', back=request.path)}"
    return response
