"""Setting up an authenticator app on the way to a service, for those who have no second factor yet."""

from dataclasses import replace

from flask import Response, request

from idp.authenticators import WrongFactor, recovery_codes, totp
from idp.core.languages import _
from idp.limits.rate_limits import TooManyAttempts
from idp.login.forms import AppCodeForm
from idp.login.routes import room
from idp.login.second_factor import Visit, keep, owed, page, prove, to


@room.route("/login/otp/app", methods=["GET", "POST"])
@owed
def app(visit: Visit) -> Response:
    """QR code and key, then the app's first code. Open only once the account's own number was proved by SMS:
    a stolen password alone must not set up a second factor of the thief's."""
    draft = visit.draft
    if draft.step != "app" or visit.enrolled.any:
        return to(f"login.{draft.step}" if draft.step != "app" else "login.otp")
    if not draft.key:
        return keep(replace(draft, key=totp.new_key()), "login.app")
    form = AppCodeForm()
    if not form.validate_on_submit():
        return _shown(visit, form)
    try:
        totp.enrol(visit.account.subject, draft.key, form.code.data or "")
    except WrongFactor:
        form.code.errors = [_("Kode tidak cocok. Tulis 6 angka yang sedang tampil di aplikasi.")]
        return _shown(visit, form)
    except TooManyAttempts as limit:
        return _shown(visit, form, 429, limit.retry_after)
    codes = recovery_codes.renew(visit.account.subject)
    return keep(replace(draft, key="", codes=tuple(codes)), "login.codes")


@room.route("/login/otp/codes", methods=["GET", "POST"])
@owed
def codes(visit: Visit) -> Response:
    """The ten recovery codes, shown until the person goes on."""
    if not visit.draft.codes:
        return to(f"login.{visit.draft.step}")
    if request.method != "POST":
        return page("codes", visit)
    return prove(visit, ("sms", "otp"))


@room.route("/login/otp/without-app", methods=["POST"])
@owed
def without_app(visit: Visit) -> Response:
    """The code by SMS was right and is enough: on without an app."""
    return prove(visit, ("sms",)) if visit.draft.proved else to("login.otp")


def _shown(visit: Visit, form: AppCodeForm, status: int | None = None, limited: int | None = None) -> Response:
    email = visit.account.email
    image = totp.qr(visit.draft.key, email.masked if email else "SIAPkerja")
    return page("app", visit, form, status, limited=limited, image=image, key=totp.typed(visit.draft.key))
