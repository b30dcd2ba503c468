"""«Sesi Anda akan berakhir»: where an open page goes before its session ends, and where one may stay."""

from flask import Response, request, url_for

from idp.account.access import blueprint, page, redirect_to_sign_in, sign_in_required
from idp.core import clock
from idp.sessions import single_sign_on
from idp.web import urls


@blueprint.route("/ending")
def session_expiry() -> Response:
    """Says when; looking is no use of the session, so that a page that was left open keeps nobody signed in."""
    end, back = single_sign_on.current_expiry(), _back(request.args.get("back", ""))
    if end is None:
        return page("ended", back=back)
    response = page("ending", back=back, at=clock.from_timestamp(end.at))
    response.headers["Refresh"] = f"{end.at - clock.timestamp() + 1}; url={url_for('account.session_expiry', back=back)}"
    return response


@blueprint.route("/stay", methods=["POST"])
@sign_in_required
def stay_signed_in() -> Response:
    """Goes on; where the session has been long enough in any case, by signing in again."""
    back, end = _back(request.form.get("back", "")), single_sign_on.current_expiry()
    if end is not None and end.latest < end.idle:
        return redirect_to_sign_in(prompt="login", path=back)
    return urls.see_other(back)


def _back(asked: str) -> str:
    """A page of the account."""
    inside = asked == url_for("account.home") or asked.startswith(url_for("account.home") + "/")
    return asked if inside and asked.isprintable() and "\\" not in asked else url_for("account.home")
