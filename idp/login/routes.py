"""Signing in: one page, by password or passkey, one answer for every wrong pair."""

from typing import Any

from flask import Response, make_response, render_template, request, url_for

from idp import accounts, authenticators, probation
from idp.audit import trail
from idp.authenticators import WrongFactor, passkeys
from idp.authenticators.model import ACTIVE
from idp.core.languages import _, _l
from idp.core.values import Authentication
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.limits import rate_limits
from idp.login.forms import LoginForm, PasskeyForm
from idp.probation import recognition
from idp.probation.answer_policy import AnsweredBy
from idp.sessions import known_devices, single_sign_on
from idp.web import requests, urls

RECOVERY_QUESTION_NOTES = "login-recovery"  # the notes of whoever is asked about a recovery
PENDING_DELETION_NOTES = "login-deleting"  # of whoever is asked whether their account shall be deleted
NO_PASSKEY = _l("Passkey tidak dapat digunakan. Coba lagi, atau masuk dengan password.")
room = rooms.room("login", __name__, "login", "select_account", "create", "mfa", "passkey")


@room.route("/login", methods=["GET", "POST"])
def password() -> Response:
    """Asks for identifier and password; where another tab has signed in meanwhile, the door decides what is still owed."""
    if request.method == "GET" and _signed_in_elsewhere():
        return rooms.redirect_to_next_step()
    form = LoginForm(identifier=current_interaction().request.get("login_hint", ""))
    if not form.validate_on_submit():
        return _page(form)
    try:
        account = accounts.authenticate(form.identifier.value, form.password.data or "", known_devices.is_long_known)
    except accounts.WrongCredentials:
        suspended = recognition.recovery_that_suspended_password(form.identifier.value, form.password.data or "")
        if suspended is not None:
            return _ask_about_recovery(suspended[0], "password", suspended[1])
        # The same sentence whether the account exists or not, and never which of the two was wrong.
        return _page(
            form, _("NIK, email, nomor handphone, atau password tidak sesuai. Periksa kembali, atau pilih Kendala Masuk ke Akun?")
        )
    except accounts.AccountLocked:
        return locked_page()
    proved = probation.authentication_event(account, ("pwd",), account.generation)
    if account.deleting:
        return _ask_about_deletion(proved, "password")
    trail.record("sign_in", account=account.subject, client=current_interaction().service.get("client_id"))
    current_interaction().authenticated(proved)
    current_interaction().offer = bool(form.passkey_ready.data) and _claim_passkey_offer(account.subject)
    return continue_unless_recovery_waits(proved, "password")


@room.route("/login/passkey", methods=["GET", "POST"])
def passkey() -> Response:
    """A passkey instead of identifier and password: the device has verified its owner, so both factors at once."""
    form = PasskeyForm()
    if not form.validate_on_submit() or not passkeys.supported():
        return urls.see_other(url_for("login.password"))
    address = requests.client_network()
    rate_limits.hit("passkey_address", address)
    answer = form.credential.data or ""
    try:
        state = passkeys.state_of(answer)
        proof = passkeys.verify(_context(), answer, state=state)
    except WrongFactor:
        return _page(_empty(), NO_PASSKEY)
    rate_limits.give_back("passkey_address", address)
    if state != ACTIVE:
        suspended = recognition.provisional_recovery(proof.subject)
        if suspended is None:
            return _page(_empty(), NO_PASSKEY)
        return _ask_about_recovery(suspended, "passkey", proof.generation)
    account = accounts.find(proof.subject)
    if account is None or account.locked:
        return locked_page()
    proved = probation.authentication_event(account, (*proof.amr, "mfa"), proof.generation)
    if account.deleting:
        return _ask_about_deletion(proved, "passkey")
    trail.record("sign_in", account=account.subject, client=current_interaction().service.get("client_id"), kind="passkey")
    current_interaction().authenticated(proved)
    return continue_unless_recovery_waits(proved, "passkey")


def _signed_in_elsewhere() -> bool:
    """Whether this browser has a session that the interaction does not know yet; the door makes it known, so only once."""
    waiting = current_interaction()
    return waiting.session is None and waiting.authentication is None and single_sign_on.current() is not None


def locked_page() -> Response:
    """Told to whoever has proved that the account is theirs: why, and who opens it again."""
    return make_response(render_template("login/locked.html"), 403)


def continue_unless_recovery_waits(proved: Authentication, by: AnsweredBy) -> Response:
    """To the door; while a recovery of the account waits, by way of the question whose it is."""
    waiting = recognition.waiting_recovery(proved.account)
    return _ask_about_recovery(waiting, by, proved.generation) if waiting is not None else rooms.save_and_continue()


def _ask_about_deletion(proved: Authentication, by: AnsweredBy) -> Response:
    """Nobody is signed in to an account that is about to be deleted: they may keep it, and then they are."""
    current_interaction().rotate_secret(proved.account)
    current_interaction().put_draft(PENDING_DELETION_NOTES, {"proved": proved.to_dict(), "by": by})
    current_interaction().save()
    return urls.see_other(url_for("login.deleting"))


def _ask_about_recovery(row: probation.Recovery, by: AnsweredBy, generation: int) -> Response:
    current_interaction().rotate_secret(row.subject)
    current_interaction().put_draft(RECOVERY_QUESTION_NOTES, {"recovery": row.id, "by": by, "generation": generation})
    current_interaction().save()
    return urls.see_other(url_for("login.recovering"))


def _claim_passkey_offer(subject: str) -> bool:
    fits = passkeys.supported() and probation.frozen_until(subject) is None and not authenticators.enrolled_for(subject).passkeys
    return fits and passkeys.offer_once(subject)


def _context() -> str:
    return f"login:{current_interaction().id}"


def _empty() -> LoginForm:
    return LoginForm(formdata=None)


def _page(form: LoginForm, wrong: Any = None) -> Response:
    if wrong:
        form.form_errors.append(wrong)
    options = passkeys.request_options(_context()) if passkeys.supported() else None
    shown = render_template("login/password.html", form=form, passkey=PasskeyForm(formdata=None), options=options)
    return make_response(shown, 422 if form.errors else 200)
