"""Signing in: one page, one answer for every wrong pair."""

from flask import Response, make_response, render_template

from idp import accounts, audit, clock, interaction
from idp.extensions import _
from idp.interaction import here
from idp.login.forms import LoginForm
from idp.values import Authentication

room = interaction.room("login", __name__, "login", "select_account", "create", "mfa")


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
        return _page(form, _("Akun ini sedang dikunci demi keamanan. Silakan hubungi petugas layanan Kemnaker."))
    audit.record("sign_in", account=account.subject, client=here().service.get("client_id"))
    here().authenticated(Authentication(account.subject, ("pwd",), clock.timestamp(), account.acr))
    return interaction.leave()


def _page(form: LoginForm, wrong: str | None = None) -> Response:
    if wrong:
        form.form_errors.append(wrong)
    return make_response(render_template("login/password.html", form=form), 422 if form.errors else 200)
