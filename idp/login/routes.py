"""Signing in: one page, by password or passkey, one answer for every wrong pair."""

from typing import Any

from flask import Response, make_response, render_template, url_for

from idp import accounts, audit, authenticators, interaction, probation, rate_limits, web
from idp.authenticators import WrongFactor, passkeys
from idp.extensions import _, _l
from idp.interaction import here
from idp.login.forms import LoginForm, PasskeyForm

LOCKED = _l("Akun ini sedang dikunci demi keamanan. Silakan hubungi petugas layanan Kemnaker.")
room = interaction.room("login", __name__, "login", "select_account", "create", "mfa", "passkey")


@room.route("/login", methods=["GET", "POST"])
def password() -> Response:
    """Asks for identifier and password."""
    form = LoginForm(identifier=here().request.get("login_hint", ""))
    if not form.validate_on_submit():
        return _page(form)
    try:
        account = accounts.authenticate(form.identifier.value, form.password.data or "")
    except accounts.WrongCredentials:
        # The same sentence whether the account exists or not, and never which of the two was wrong.
        return _page(form, _("Data masuk atau password tidak sesuai. Periksa kembali, atau pilih Kendala Masuk ke Akun?"))
    except accounts.AccountLocked:
        return _page(form, LOCKED)
    audit.record("sign_in", account=account.subject, client=here().service.get("client_id"))
    here().authenticated(probation.authentication(account, ("pwd",)))
    here().offer = bool(form.passkey_ready.data) and _promote(account.subject)
    return interaction.leave()


@room.route("/login/passkey", methods=["GET", "POST"])
def passkey() -> Response:
    """A passkey instead of identifier and password: the device has verified its owner, so both factors at once."""
    form = PasskeyForm()
    if not form.validate_on_submit() or not passkeys.possible():
        return web.see_other(url_for("login.password"))
    address = web.client_address()
    rate_limits.hit("passkey_address", address)
    try:
        proof = passkeys.verify(_context(), form.credential.data or "")
    except WrongFactor:
        return _page(_empty(), _("Passkey tidak dapat dipakai. Coba lagi, atau masuk dengan password."))
    rate_limits.give_back("passkey_address", address)
    account = accounts.find(proof.subject)
    if account is None or account.locked:
        return _page(_empty(), LOCKED)
    audit.record("sign_in", account=account.subject, client=here().service.get("client_id"), kind="passkey")
    here().authenticated(probation.authentication(account, (*proof.amr, "mfa")))
    return interaction.leave()


def _promote(subject: str) -> bool:
    fits = passkeys.possible() and probation.frozen(subject) is None and not authenticators.of(subject).passkeys
    return fits and passkeys.offer_once(subject)


def _context() -> str:
    return f"login:{here().id}"


def _empty() -> LoginForm:
    return LoginForm(formdata=None)


def _page(form: LoginForm, wrong: Any = None) -> Response:
    if wrong:
        form.form_errors.append(wrong)
    options = passkeys.request_options(_context()) if passkeys.possible() else None
    shown = render_template("login/password.html", form=form, passkey=PasskeyForm(formdata=None), options=options)
    return make_response(shown, 422 if form.errors else 200)
