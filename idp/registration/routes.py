"""Registering, on the seed's road: three facts at Dukcapil, contact and password, the code by SMS, into the service."""

from dataclasses import replace
from typing import Any

from flask import Response, g, make_response, render_template, url_for

from idp import accounts, audit, clock, identity, interaction, notices, otp, rate_limits, web
from idp.accounts import passwords
from idp.extensions import _
from idp.gateways.civil_registry import RegistryUnavailable
from idp.interaction import here
from idp.registration.draft import Draft
from idp.registration.forms import CodeForm, ContactForm, IdentityForm, PhoneForm
from idp.values import Authentication, EmailAddress, PhoneNumber

ROOM = "registration"
PURPOSE = "registration"
room = interaction.room(ROOM, __name__, "create", "login")


@room.route("/register", methods=["GET", "POST"], endpoint="identity")
def prove_identity() -> Response:
    """The three facts, checked at Dukcapil."""
    form = IdentityForm()
    if not form.validate_on_submit():
        return _page("identity", form)
    try:
        proof = identity.prove(form.nik.value, form.name.value, form.mothers_name.value, "registration")
    except identity.NikNotFound:
        return _page("attention", form, 422, missing=True)
    except identity.FactsDoNotMatch as mismatch:
        return _page("identity", form, 422, remaining=mismatch.remaining)
    except identity.RecordNeedsAttention:
        return _page("attention", form, 422, missing=False)
    except RegistryUnavailable as down:
        return _page("identity", form, 503, outage=down.reason)
    audit.record("registration_started", client=here().service.get("client_id"))
    return _keep(Draft(proof=proof.to_dict()), "registration.contact")


@room.route("/register/contact", methods=["GET", "POST"])
def contact() -> Response:
    """E-mail, handphone, password. Only now is it told that the NIK has an account: the facts have matched."""
    draft = _draft()
    if draft.step == "identity":
        return _to("registration.identity")
    if draft.step == "done":
        return _to("registration.done")
    known = accounts.find_by_nik(draft.proved.nik)
    if known is not None:
        return _page("known", None, phone=known.phone, email=known.email)
    form = ContactForm(email=draft.email, phone=draft.phone)
    if not form.validate_on_submit() or not form.password.accept(_personal(draft, form)):
        return _page("contact", form)
    rate_limits.hit("registration_address", web.client_address())
    draft = Draft(draft.proof, form.email.value.value, form.phone.value.value, passwords.hashed(form.password.data or ""))
    return _send(draft)


@room.route("/register/verify", methods=["GET", "POST"])
def verify() -> Response:
    """The code; with it the account is written, in one transaction, and being registered is having signed in."""
    draft = _draft()
    if draft.step != "verify":
        return _to(f"registration.{draft.step}")
    form = CodeForm()
    if not draft.verified and not form.validate_on_submit():
        return _verify_page(draft, form)
    if not draft.verified:
        wrong = _judge(draft, form)
        if wrong:
            return _verify_page(draft, form, wrong)
        # Kept before the account is written: should SQL be away just now, the used code need not be right twice.
        draft = replace(draft, verified=True)
        here().keep(ROOM, draft.notes())
        here().save()
    return _finish(draft)


@room.route("/register/resend", methods=["POST"])
def resend() -> Response:
    """Another code to the same number; earlier ones stay valid."""
    draft = _draft()
    return _send(draft) if draft.step == "verify" else _to(f"registration.{draft.step}")


@room.route("/register/phone", methods=["GET", "POST"])
def change_phone() -> Response:
    """Another number, everything else kept."""
    draft = _draft()
    if draft.step != "verify":
        return _to(f"registration.{draft.step}")
    form = PhoneForm(phone=draft.phone_number.local)
    if not form.validate_on_submit():
        return _page("phone", form)
    return _send(replace(draft, phone=form.phone.value.value, challenge="", verified=False))


@room.route("/register/done")
def done() -> Response:
    """It worked: on into the service."""
    draft = _draft()
    return _page("done", None) if draft.step == "done" else _to(f"registration.{draft.step}")


def _send(draft: Draft) -> Response:
    """Sends a code, unless a contact belongs to somebody else: then its owner is told, and the page says the same."""
    taken = [c for c in (draft.phone_number, draft.email_address) if accounts.contact_taken(c)]
    # A real send waits for the gateway, so that a message which could not go out says so; see notices for the taken ones.
    deliver = otp.pretend if taken else otp.send
    challenge = deliver(draft.challenge or None, PURPOSE, draft.phone_number)
    for contact_ in taken:
        _tell_owner(contact_)
    sent, again = int(challenge.sent_at.timestamp()), int(challenge.resend_at.timestamp())
    timed = replace(draft, challenge=challenge.id, sent_at=sent, resend_at=again, delivery=challenge.delivery)
    return _keep(timed, "registration.verify")


def _tell_owner(taken: PhoneNumber | EmailAddress) -> None:
    what = "phone" if isinstance(taken, PhoneNumber) else "email"
    notices.tell([taken], notices.registration_attempt(what, clock.now()))


def _judge(draft: Draft, form: CodeForm) -> str | None:
    try:
        otp.verify(draft.challenge, PURPOSE, form.code.data or "", draft.phone_number)
    except otp.WrongCode as wrong:
        return _("Kode OTP salah. Sisa percobaan: %(n)s.", n=wrong.remaining)
    except otp.CodeExpired:
        return _("Kode OTP sudah tidak berlaku. Minta kode baru.")
    return None


def _finish(draft: Draft) -> Response:
    proof = draft.proved
    locale = here().locale or str(g.get("locale") or "id")
    try:
        account = accounts.create(
            proof.nik, proof.name, draft.phone_number, draft.email_address, draft.password_hash, locale=locale[:2]
        )
    except accounts.NikTaken:
        return _to("registration.contact")
    except accounts.ContactTaken:
        return _keep(Draft(proof=draft.proof, email=draft.email, phone=draft.phone), "registration.contact")
    audit.record("registration_finished", account=account.subject, client=here().service.get("client_id"))
    here().authenticated(Authentication(account.subject, ("pwd", "sms"), clock.timestamp(), account.acr))
    # Nothing of the draft is needed any more: what is not kept cannot leak.
    return _keep(Draft(done=True), "registration.done")


def _personal(draft: Draft, form: ContactForm) -> list[str]:
    proof = draft.proved
    return [proof.name.text, proof.nik.value, form.phone.value.local, form.email.value.value.partition("@")[0]]


def _draft() -> Draft:
    return Draft.load(here().draft(ROOM))


def _keep(draft: Draft, endpoint: str) -> Response:
    here().keep(ROOM, draft.notes())
    here().save()
    return _to(endpoint)


def _to(endpoint: str) -> Response:
    return web.see_other(url_for(endpoint))


def _verify_page(draft: Draft, form: CodeForm, wrong: str | None = None) -> Response:
    left = max(0, draft.resend_at - clock.timestamp())
    sent_at = clock.from_timestamp(draft.sent_at)
    shown = {"phone": draft.phone_number, "sent_at": sent_at, "wait": left, "delivery": draft.delivery, "wrong": wrong}
    return _page("verify", form, 422 if wrong else None, **shown)


def _page(name: str, form: Any, status: int | None = None, **context: Any) -> Response:
    refused = 422 if form is not None and form.errors else 200
    return make_response(render_template(f"registration/{name}.html", form=form, **context), status or refused)
