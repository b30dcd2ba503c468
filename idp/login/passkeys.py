"""Passkeys on the way to a service: as the second factor, and promoted once after a sign-in."""

from flask import Response, make_response, render_template, request, url_for

from idp import accounts
from idp.authenticators import WrongFactor, passkeys
from idp.authenticators.attempt_limit import verify_within_limit
from idp.core.languages import _
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.limits.rate_limits import TooManyAttempts
from idp.login.forms import AppCodeForm, PasskeyForm
from idp.login.routes import room
from idp.login.second_factor import SecondFactorContext, complete_second_factor, page, redirect_to, while_second_factor_owed
from idp.web import requests


@room.route("/login/otp/passkey", methods=["GET", "POST"])
@while_second_factor_owed
def second_passkey(visit: SecondFactorContext) -> Response:
    """A passkey of the account that has signed in."""
    if request.method != "POST":
        return redirect_to("login.otp")
    form, subject = PasskeyForm(), visit.account.subject
    amr: list[str] = []

    def judge() -> bool:
        try:
            amr.extend(passkeys.verify(f"second:{current_interaction().id}", form.credential.data or "", subject=subject).amr)
        except WrongFactor:
            return False
        return True

    try:
        verify_within_limit(subject, "passkey", judge)
    except WrongFactor:
        refused = AppCodeForm(formdata=None)
        refused.form_errors.append(_("Passkey tidak dapat digunakan. Coba lagi, atau pilih cara lain."))
        return page("second", visit, refused)
    except TooManyAttempts as limit:
        return page("second", visit, AppCodeForm(formdata=None), 429, limited=limit.retry_after)
    return complete_second_factor(visit, tuple(amr), remember=form.remember.data)


@room.route("/login/passkey/offer", methods=["GET", "POST"])
def passkey_offer() -> Response:
    """Promotes a passkey, once; POST without an answer of the device goes on to the service."""
    proved = current_interaction().proved
    if "passkey" not in current_interaction().owed or proved is None or not accounts.authentication_still_valid(proved):
        return rooms.redirect_to_next_step()
    account = accounts.find(proved.account)
    if account is None:
        return rooms.redirect_to_next_step()
    form, context = PasskeyForm(), f"offer:{current_interaction().id}"
    # A stolen password alone must not leave a passkey of the thief's behind: it wants a second factor first.
    ready = "mfa" in proved.amr
    if request.method == "POST":
        if ready and form.credential.data and not _registered(context, account.subject, form):
            form.form_errors = [_("Passkey belum tersimpan. Coba lagi, atau lanjut tanpa passkey.")]
        else:
            current_interaction().offer = False
            return rooms.save_and_continue()
    options = passkeys.creation_options(context, account.subject, name_of(account)) if ready else None
    shown = {"form": form, "options": options, "phone": account.phone, "send": url_for("login.send")}
    return make_response(render_template("login/passkey_offer.html", **shown), 422 if form.errors else 200)


def name_of(account: accounts.Account) -> str:
    """What the person's own device lists the passkey by."""
    return account.email.value if account.email else account.name.text


def _registered(context: str, subject: str, form: PasskeyForm) -> bool:
    if not form.validate():
        return False
    try:
        passkeys.register(context, subject, form.credential.data or "", requests.device_name())
    except WrongFactor:
        return False
    return True
