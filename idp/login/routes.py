"""Signing in: one page, by password or passkey, one answer for every wrong pair."""

from typing import Any

from flask import Response, make_response, render_template, url_for

from idp import accounts, authenticators, probation
from idp.audit import trail
from idp.authenticators import WrongFactor, passkeys
from idp.authenticators.model import ACTIVE
from idp.core.languages import _, _l
from idp.interaction import rooms
from idp.interaction.rooms import here
from idp.limits import rate_limits
from idp.login.forms import LoginForm, PasskeyForm
from idp.probation import recognising
from idp.probation.answers import By
from idp.web import requests, urls

ASKED = "login-recovery"  # the notes of whoever is asked about a recovery
DELETING = "login-deleting"  # of whoever is asked whether their account shall be deleted
NO_PASSKEY = _l("Passkey tidak dapat dipakai. Coba lagi, atau masuk dengan password.")
room = rooms.room("login", __name__, "login", "select_account", "create", "mfa", "passkey")


@room.route("/login", methods=["GET", "POST"])
def password() -> Response:
    """Asks for identifier and password."""
    form = LoginForm(identifier=here().request.get("login_hint", ""))
    if not form.validate_on_submit():
        return _page(form)
    try:
        account = accounts.authenticate(form.identifier.value, form.password.data or "")
    except accounts.WrongCredentials:
        suspended = recognising.by_password(form.identifier.value, form.password.data or "")
        if suspended is not None:
            return _ask(suspended, "password")
        # The same sentence whether the account exists or not, and never which of the two was wrong.
        return _page(form, _("Data masuk atau password tidak sesuai. Periksa kembali, atau pilih Kendala Masuk ke Akun?"))
    except accounts.AccountLocked:
        return locked()
    if account.deleting:
        return _ask_about_deletion(account, ("pwd",), "password")
    trail.record("sign_in", account=account.subject, client=here().service.get("client_id"))
    here().authenticated(probation.authentication(account, ("pwd",)))
    here().offer = bool(form.passkey_ready.data) and _promote(account.subject)
    return leave(account.subject, "password")


@room.route("/login/passkey", methods=["GET", "POST"])
def passkey() -> Response:
    """A passkey instead of identifier and password: the device has verified its owner, so both factors at once."""
    form = PasskeyForm()
    if not form.validate_on_submit() or not passkeys.possible():
        return urls.see_other(url_for("login.password"))
    address = requests.client_address()
    rate_limits.hit("passkey_address", address)
    answer = form.credential.data or ""
    try:
        state = passkeys.state_of(answer)
        proof = passkeys.verify(_context(), answer, state=state)
    except WrongFactor:
        return _page(_empty(), NO_PASSKEY)
    rate_limits.give_back("passkey_address", address)
    if state != ACTIVE:
        suspended = recognising.suspending(proof.subject)
        return _ask(suspended, "passkey") if suspended is not None else _page(_empty(), NO_PASSKEY)
    account = accounts.find(proof.subject)
    if account is None or account.locked:
        return locked()
    if account.deleting:
        return _ask_about_deletion(account, (*proof.amr, "mfa"), "passkey")
    trail.record("sign_in", account=account.subject, client=here().service.get("client_id"), kind="passkey")
    here().authenticated(probation.authentication(account, (*proof.amr, "mfa")))
    return leave(account.subject, "passkey")


def locked() -> Response:
    """Told to whoever has proved that the account is theirs: why, and who opens it again."""
    return make_response(render_template("login/locked.html"), 403)


def leave(subject: str, by: By) -> Response:
    """To the door; while a recovery of the account waits, by way of the question whose it is."""
    waiting = recognising.waiting(subject)
    return _ask(waiting, by) if waiting is not None else rooms.leave()


def _ask_about_deletion(account: accounts.Account, amr: tuple[str, ...], by: By) -> Response:
    """Nobody is signed in to an account that is about to be deleted: they may keep it, and then they are."""
    proved = probation.authentication(account, amr)
    here().keep(DELETING, {"proved": proved.to_dict(), "by": by})
    here().save()
    return urls.see_other(url_for("login.deleting"))


def _ask(row: probation.Recovery, by: By) -> Response:
    here().keep(ASKED, {"recovery": row.id, "by": by})
    here().save()
    return urls.see_other(url_for("login.recovering"))


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
