"""Setting up an authenticator app on the way to a service, for those who have no second factor yet."""

from dataclasses import replace

from flask import Response, request

from idp.authenticators import WrongFactor, recovery_codes, totp
from idp.core.languages import _
from idp.limits.rate_limits import TooManyAttempts
from idp.login.forms import AppCodeForm
from idp.login.routes import room
from idp.login.second_factor import (
    SecondFactorContext,
    complete_second_factor,
    page,
    redirect_to,
    save_draft_and_redirect,
    while_second_factor_owed,
)


@room.route("/login/otp/app", methods=["GET", "POST"])
@while_second_factor_owed
def app(visit: SecondFactorContext) -> Response:
    """QR code and key, then the app's first code. Open only once the account's own number was proved by SMS:
    a stolen password alone must not set up a second factor of the thief's."""
    draft = visit.draft
    if draft.step != "app" or visit.enrolled.any:
        return redirect_to(f"login.{draft.step}" if draft.step != "app" else "login.otp")
    if not draft.key:
        return save_draft_and_redirect(replace(draft, key=totp.new_key()), "login.app")
    form = AppCodeForm()
    if not form.validate_on_submit():
        return _shown(visit, form)
    try:
        totp.enrol(visit.account.subject, draft.key, form.code.data or "")
    except WrongFactor:
        form.code.errors = [_("Kode tidak cocok. Masukkan 6 angka yang sedang tampil di aplikasi.")]
        return _shown(visit, form)
    except TooManyAttempts as limit:
        return _shown(visit, form, 429, limit.retry_after)
    codes = recovery_codes.regenerate(visit.account.subject)
    return save_draft_and_redirect(replace(draft, key="", codes=tuple(codes)), "login.codes")


@room.route("/login/otp/codes", methods=["GET", "POST"])
@while_second_factor_owed
def codes(visit: SecondFactorContext) -> Response:
    """The ten recovery codes, shown until the person goes on."""
    if not visit.draft.codes:
        return redirect_to(f"login.{visit.draft.step}")
    if request.method != "POST":
        return page("codes", visit, owner=visit.account.name.text)
    return complete_second_factor(visit, ("sms", "otp"))


@room.route("/login/otp/without-app", methods=["POST"])
@while_second_factor_owed
def without_app(visit: SecondFactorContext) -> Response:
    """The code by SMS was right and is enough: on without an app."""
    return complete_second_factor(visit, ("sms",)) if visit.draft.proved else redirect_to("login.otp")


def _shown(visit: SecondFactorContext, form: AppCodeForm, status: int | None = None, limited: int | None = None) -> Response:
    email = visit.account.email
    uri = totp.provisioning_uri(visit.draft.key, email.masked if email else "SIAPkerja")
    key = totp.grouped_key(visit.draft.key)
    return page("app", visit, form, status, limited=limited, image=totp.qr_code_uri(uri), uri=uri, key=key)
