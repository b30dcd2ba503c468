"""Password: a new one for whoever knows the old; every other session ends, and the contacts are told."""

from dataclasses import replace

from flask import Response, g, url_for

from idp import accounts, notices
from idp.account.access import blueprint, page, recent_sign_in_required, sign_in_required
from idp.accounts.fields import NewPasswordField
from idp.core import clock
from idp.core.languages import _, _l
from idp.core.values import Authentication
from idp.limits.rate_limits import TooManyAttempts
from idp.sessions import single_sign_on
from idp.storage.unit_of_work import unit_of_work
from idp.web import urls
from idp.web.fields import CurrentPasswordField
from idp.web.forms import Form


class PasswordForm(Form):
    """The old and the new."""

    old = CurrentPasswordField(_l("Password sekarang"))
    password = NewPasswordField(_l("Password baru"))


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
        _change(known, form.password.data or "")
    except accounts.ChangedMeanwhile:
        form.old.errors = [_("Password baru saja diubah di tempat lain. Tulis password yang berlaku sekarang.")]
        return page("password", form)
    response = urls.see_other(url_for("account.password_changed"))
    # Whoever has copied this session's cookie has nothing from now on.
    single_sign_on.establish(_renewed(g.session.authentication), response, replaces=g.session)
    return response


@blueprint.route("/password/changed")
@sign_in_required
def password_changed() -> Response:
    """Says that the password was changed, and what has ended with the old one."""
    return page("password_changed")


def _renewed(proved: Authentication) -> Authentication:
    """The event that the session stands on from now on: the password, proved a moment ago.

    An event of before the new password would count nowhere, and lead round and round between door and room. A second
    factor keeps its time: the password alone renews none (fails closed), and nothing is owed by whoever gave one.
    """
    return proved if "mfa" in proved.amr else replace(proved, amr=("pwd",), auth_time=clock.timestamp())


def _verified(typed: str) -> str | None:
    """The hash that `typed` is the password of; None when it is not this account's. Counted as any sign-in."""
    try:
        account = accounts.authenticate(g.account.nik, typed)
    except (accounts.WrongCredentials, accounts.AccountLocked):
        return None
    return account.password_hash if account.subject == g.account.subject else None


def _change(verified_hash: str, password: str) -> None:
    account = g.account
    contacts, subject = account.contacts_in_use, account.subject
    # Before and after: without the store nothing changes (fails closed), and no session slips in between.
    single_sign_on.end_all(subject, except_sid=g.session.sid)
    with unit_of_work():
        accounts.change_password(account, verified_hash, password)
        notices.notify(contacts, notices.password_changed(clock.now()), subject)
    single_sign_on.end_all(subject, except_sid=g.session.sid)
