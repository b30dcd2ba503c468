"""Password: a new one for whoever knows the old; every other session ends, and the contacts are told."""

from flask import Response, g, url_for
from wtforms import BooleanField

from idp import accounts, notices
from idp.account.access import blueprint, go_on_here, page, recent_sign_in_required, sign_in_required
from idp.accounts.connections import connected_services
from idp.accounts.fields import NewPasswordField
from idp.core import clock
from idp.core.languages import _, _l
from idp.limits.rate_limits import TooManyAttempts
from idp.sessions import known_devices
from idp.storage.unit_of_work import unit_of_work
from idp.web import urls
from idp.web.fields import CurrentPasswordField
from idp.web.forms import Form


class PasswordForm(Form):
    """The old and the new."""

    old = CurrentPasswordField(_l("Password sekarang"))
    password = NewPasswordField(_l("Password baru"))
    keep_services = BooleanField(_l("Layanan yang boleh memakai akun saya tanpa saya masuk tetap terhubung"))


@blueprint.route("/password", methods=["GET", "POST"])
@sign_in_required
@recent_sign_in_required
def password() -> Response:
    """Asks for the old one too: an open session alone changes no password."""
    form = PasswordForm()
    if not form.validate_on_submit() or not form.password.accept(accounts.forbidden_in_password(g.account)):
        return page("password", form)
    try:
        known = _verified(form.old.data or "")
    except TooManyAttempts as limit:
        return page("password", form, 429, limited=limit.retry_after)
    if known is None:
        form.old.errors = [_("Password sekarang tidak sesuai.")]
        return page("password", form)
    try:
        generation = _change(known, form.password.data or "", keep_services=bool(form.keep_services.data))
    except accounts.Outdated:
        form.old.errors = [_("Password baru saja diubah di tempat lain. Masukkan password yang berlaku sekarang.")]
        return page("password", form)
    return go_on_here(urls.see_other(url_for("account.password_changed")), generation)


@blueprint.route("/password/changed")
@sign_in_required
def password_changed() -> Response:
    """Says that the password was changed, and what has ended with the old one."""
    return page("password_changed")


def _verified(typed: str) -> str | None:
    """The hash that `typed` is the password of; None when it is not this account's. Counted as any sign-in."""
    try:
        account = accounts.authenticate(g.account.nik, typed)
    except (accounts.WrongCredentials, accounts.AccountLocked):
        return None
    return account.password_hash if account.subject == g.account.subject else None


def _change(verified_hash: str, password: str, *, keep_services: bool) -> int:
    account, proved = g.account, g.session.authentication.generation
    contacts, subject = account.contacts_in_use, account.subject
    with unit_of_work():
        generation = accounts.change_password(account, verified_hash, password, proved, g.session.sid)
        known_devices.go_on(subject, proved, generation)
        if keep_services:
            connected_services().keep(subject, proved, generation)
        notices.notify(contacts, notices.password_changed(clock.now()), subject)
    return generation
