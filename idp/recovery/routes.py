"""Recovering an account: choose a way, prove, set a new password, and go back to sign in. Nobody is signed in here."""

from dataclasses import replace
from typing import Any

from flask import Response, make_response, render_template, url_for

from idp import accounts, audit, clock, identity, interaction, otp, rate_limits, web
from idp.accounts import Account, passwords
from idp.extensions import _
from idp.gateways.civil_registry import RegistryUnavailable
from idp.interaction import here
from idp.recovery import completion
from idp.recovery.draft import EMAIL, IDENTITY, PHONE, Draft
from idp.recovery.forms import CodeForm, ContactForm, EmailForm, IdentityForm, PasswordForm, PhoneForm
from idp.values import EmailAddress, PhoneNumber

ROOM = "recovery"
room = interaction.room(ROOM, __name__, "login")


@room.route("/recover")
def choose() -> Response:
    """The three ways."""
    return _page("choose", None)


@room.route("/recover/phone", methods=["GET", "POST"])
def prove_phone() -> Response:
    """NIK and the number that still works."""
    form = PhoneForm()
    return _begin(form, PHONE) if form.validate_on_submit() else _page("by_phone", form)


@room.route("/recover/email", methods=["GET", "POST"])
def prove_email() -> Response:
    """NIK and the address that still works."""
    form = EmailForm()
    return _begin(form, EMAIL) if form.validate_on_submit() else _page("by_email", form)


@room.route("/recover/identity", methods=["GET", "POST"])
def prove_identity() -> Response:
    """The three facts, for whom no contact works; the same work and answer whether or not there is an account."""
    form = IdentityForm()
    if not form.validate_on_submit():
        return _page("identity", form)
    try:
        proof = identity.prove(form.nik.value, form.name.value, form.mothers_name.value, "recovery")
    except identity.FactsDoNotMatch as mismatch:
        return _page("identity", form, 422, remaining=mismatch.remaining)
    except identity.RecordNeedsAttention:
        return _page("attention", form, 422)
    except RegistryUnavailable as down:
        return _page("identity", form, 503, outage=down.reason)
    account = accounts.find_by_nik(proof.nik)
    told = completion.warn_owner(account)
    subject = account.subject if account else ""
    return _keep(Draft(IDENTITY, subject, proof.to_dict(), told=told), "recovery.contact")


@room.route("/recover/contact", methods=["GET", "POST"])
def contact() -> Response:
    """New contacts and a new password, after the facts."""
    draft = _draft()
    if draft.way != IDENTITY or draft.step not in ("contact", "verify"):
        return _to(f"recovery.{draft.step}")
    form = ContactForm(email=draft.email)
    if not form.validate_on_submit() or not form.password.accept(completion.personal(draft, form)):
        return _page("contact", form)
    hashed = passwords.hashed(form.password.data or "")
    email, phone = form.email.value.value, form.phone.value.value
    return _send(Draft(IDENTITY, draft.account, draft.proof, phone, email, hashed, told=draft.told))


@room.route("/recover/verify", methods=["GET", "POST"])
def verify() -> Response:
    """The code."""
    draft = _draft()
    if draft.step != "verify":
        return _to(f"recovery.{draft.step}")
    form = CodeForm()
    if not draft.verified and not form.validate_on_submit():
        return _verify_page(draft, form)
    wrong = None if draft.verified else _judge(draft, form)
    if wrong:
        return _verify_page(draft, form, wrong)
    # Kept at once: should SQL be away just now, the used code need not be right twice.
    draft = replace(draft, verified=True)
    here().keep(ROOM, draft.notes())
    here().save()
    return _complete_identity(draft) if draft.way == IDENTITY else _to("recovery.password")


@room.route("/recover/resend", methods=["POST"])
def resend() -> Response:
    """Another code; earlier ones stay valid."""
    draft = _draft()
    return _send(draft) if draft.step == "verify" and not draft.verified else _to(f"recovery.{draft.step}")


@room.route("/recover/password", methods=["GET", "POST"])
def password() -> Response:
    """A new password, after the code of a contact that the account has."""
    draft = _draft()
    if draft.step != "password":
        return _to(f"recovery.{draft.step}")
    account = accounts.find(draft.account)
    form = PasswordForm()
    if account is None:
        return _to("recovery.choose")
    if not form.validate_on_submit() or not form.password.accept(completion.own_data(account)):
        return _page("password", form)
    completion.reset_password(account, form.password.data or "")
    return _keep(Draft(done=True), "recovery.done")


@room.route("/recover/done")
def done() -> Response:
    """The account works again: on to the sign-in page, still on the way to the service."""
    draft = _draft()
    return _page("done", None) if draft.step == "done" else _to(f"recovery.{draft.step}")


def _begin(form: PhoneForm | EmailForm, way: str) -> Response:
    rate_limits.hit("password_address", web.client_address())
    account = accounts.find_by_nik(form.nik.value)
    typed: PhoneNumber | EmailAddress = form.contact.value
    owned = account is not None and typed in (account.phone, account.email)
    subject = account.subject if account is not None and owned else ""
    return _send(Draft(way, subject, recipient=typed.value))


def _send(draft: Draft) -> Response:
    """Sends a code, or only seems to, when it would go to nobody's or to somebody else's contact; both look alike."""
    real = completion.may_receive(draft)
    challenge = (
        otp.send(draft.challenge or None, draft.purpose, draft.contact, draft.account or None, neutral=True)
        if real
        else otp.pretend(draft.challenge or None, draft.purpose, draft.contact)
    )
    sent, again = int(challenge.sent_at.timestamp()), int(challenge.resend_at.timestamp())
    timed = replace(draft, challenge=challenge.id, sent_at=sent, resend_at=again, delivery=challenge.delivery)
    return _keep(timed, "recovery.verify")


def _judge(draft: Draft, form: CodeForm) -> str | None:
    try:
        otp.verify(draft.challenge, draft.purpose, form.code.data or "", draft.contact)
    except otp.WrongCode as wrong:
        return _("Kode OTP salah. Sisa percobaan: %(n)s.", n=wrong.remaining)
    except otp.CodeExpired:
        return _("Kode OTP sudah tidak berlaku. Minta kode baru.")
    return None


def _complete_identity(draft: Draft) -> Response:
    account: Account | None = accounts.find(draft.account) if draft.account else None
    try:
        completed = completion.complete(draft, account)
    except accounts.ContactTaken:
        return _keep(Draft(IDENTITY, draft.account, draft.proof, told=draft.told), "recovery.contact")
    if not completed:
        # Told only now: the facts matched and the number is theirs.
        audit.record("recovery_refused", reason="no account")
        return _page("unknown", None)
    return _keep(Draft(done=True), "recovery.done")


def _draft() -> Draft:
    return Draft.load(here().draft(ROOM))


def _keep(draft: Draft, endpoint: str) -> Response:
    here().keep(ROOM, draft.notes())
    here().save()
    return _to(endpoint)


def _to(endpoint: str) -> Response:
    return web.see_other(url_for(endpoint))


def _verify_page(draft: Draft, form: CodeForm, wrong: str | None = None) -> Response:
    shown: dict[str, Any] = {
        "contact": draft.contact.masked,
        "neutral": draft.way != IDENTITY,
        "by_mail": isinstance(draft.contact, EmailAddress),
        "sent_at": clock.from_timestamp(draft.sent_at),
        "wait": max(0, draft.resend_at - clock.timestamp()),
        "delivery": draft.delivery,
        "wrong": wrong,
    }
    return _page("verify", form, 422 if wrong else None, **shown)


def _page(name: str, form: Any, status: int | None = None, **context: Any) -> Response:
    refused = 422 if form is not None and form.errors else 200
    return make_response(render_template(f"recovery/{name}.html", form=form, **context), status or refused)
