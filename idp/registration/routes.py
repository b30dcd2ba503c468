"""Registering, on the seed's road: three facts at Dukcapil, contact and password, the code by SMS, into the service."""

from dataclasses import replace
from typing import Any

from flask import Response, request, url_for

from idp import accounts, notices
from idp.accounts import Account, hashing
from idp.audit import trail
from idp.core import clock, languages
from idp.core.languages import _
from idp.core.values import Authentication, ContactValue
from idp.gateways.civil_registry import RegistryUnavailable
from idp.identity import known_person, number_first, proofing
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.one_time_codes import otp
from idp.one_time_codes.code_step import CodeForm, SentCode, verify_code
from idp.registration.draft import Draft
from idp.registration.forms import ContactForm, IdentityForm, PhoneForm
from idp.storage.database import DATABASE_DOWN
from idp.storage.sealing import sealer
from idp.web import requests, urls
from idp.web.forms import form_page

ROOM = "registration"
PURPOSE = "registration"
OUTAGES: tuple[type[Exception], ...] = (hashing.Busy, *DATABASE_DOWN)
room = rooms.room(ROOM, __name__, "create", "login")


@room.route("/register", methods=["GET", "POST"], endpoint="identity")
def prove_identity() -> Response:
    """The three facts, checked at Dukcapil."""
    form = IdentityForm(data=_draft().form_prefill)
    if not form.validate_on_submit():
        return _page("identity", form)
    try:
        facts = form.nik.value, form.name.value, form.mothers_name.value
        proof = proofing.prove(*facts, "registration", number_first.proved_number())
    except proofing.NumberNeeded as needed:
        return number_first.ask(needed, "registration.identity")
    except proofing.NikNotFound:
        return _page("attention", form, 422, missing=True)
    except proofing.FactsDoNotMatch as mismatch:
        return _page("identity", form, 422, remaining=mismatch.remaining)
    except proofing.RecordNeedsAttention:
        return _page("attention", form, 422, missing=False)
    except RegistryUnavailable as down:
        return _page("identity", form, 503, registry=down.reason)
    trail.record("registration_started", client=current_interaction().service.get("client_id"))
    known_person.remember(current_interaction(), proof, "registration")
    return _save_and_redirect(Draft(proof=proof.to_dict()), "registration.contact")


@room.route("/register/known", methods=["POST"])
def go_on_known() -> Response:
    """On from a recovery that found no account: facts and contacts that were given there are not asked for again."""
    known = known_person.recall(current_interaction())
    if known is None or not known.proves_for("registration"):
        return _redirect_to("registration.identity")
    trail.record("registration_started", client=current_interaction().service.get("client_id"))
    return _save_and_redirect(Draft(proof=known.proof.to_dict(), email=known.email, phone=known.phone), "registration.contact")


@room.route("/register/contact", methods=["GET", "POST"])
def contact() -> Response:
    """E-mail, handphone, password. Only now is it told that the NIK has an account: the facts have matched."""
    draft = _draft()
    if draft.step not in ("contact", "verify"):
        return _redirect_to(f"registration.{draft.step}")
    form = ContactForm(email=draft.email, phone=draft.phone_number.local if draft.phone else "")
    try:
        known = accounts.find_by_nik(draft.proved.nik)
        return _existing_account_page(draft, known) if known else _give_contacts(draft, form)
    except TooManyAttempts as limit:
        return _page("contact", form, 429, wait=limit.retry_after)
    except OUTAGES:
        return _page("contact", form, 503, interrupted=True)


@room.route("/register/verify", methods=["GET", "POST"])
def verify() -> Response:
    """The code; with it the account is written, in one transaction, and being registered is having signed in."""
    draft = _draft()
    if draft.step != "verify":
        return _redirect_to(f"registration.{draft.step}")
    form = CodeForm()
    if request.method != "POST" or not (draft.verified or form.validate()):
        return _verify_page(draft, form)
    try:
        if not draft.verified and not verify_code(form, draft.sent, PURPOSE, draft.phone_number):
            # A second click comes too late for the code, and in time for what the first one achieved.
            return _redirect_to("registration.verify") if current_interaction().changed_elsewhere() else _verify_page(draft, form)
    except TooManyAttempts as limit:
        return _verify_page(draft, form, 429, exhausted=limit.limit, limited=limit.retry_after)
    # Kept before the account is written: should SQL be away just now, the used code need not be right twice.
    draft = _save_draft(replace(draft, verified=True))
    try:
        return _finish(draft)
    except DATABASE_DOWN:
        return _verify_page(draft, form, 503, interrupted=True)


@room.route("/register/resend", methods=["GET", "POST"])
def resend() -> Response:
    """Another code to the same number; earlier ones stay valid. Refreshed or bookmarked, it only shows the page."""
    draft = _draft()
    if request.method != "POST" or draft.step != "verify" or draft.verified:
        return _redirect_to(f"registration.{draft.step}")
    try:
        return _send(draft)
    except TooManyAttempts as limit:
        return _verify_page(draft, CodeForm(formdata=None), 429, limited=limit.retry_after)
    except DATABASE_DOWN:
        return _verify_page(draft, CodeForm(formdata=None), 503, interrupted=True)


@room.route("/register/phone", methods=["GET", "POST"])
def change_phone() -> Response:
    """Another number, everything else kept."""
    draft = _draft()
    if draft.step != "verify":
        return _redirect_to(f"registration.{draft.step}")
    form = PhoneForm(phone=draft.phone_number.local)
    if not form.validate_on_submit():
        return _page("phone", form)
    try:
        _count_contacts(draft)
        return _send_to_new(draft.with_contacts(draft.email_address, form.phone.value, draft.password_hash))
    except TooManyAttempts as limit:
        return _page("phone", form, 429, wait=limit.retry_after)
    except DATABASE_DOWN:
        return _page("phone", form, 503, interrupted=True)


def _existing_account_page(draft: Draft, account: Account) -> Response:
    """Says that there is an account, with both ways on; its owner hears of it, once a registration."""
    if not draft.told:
        contacts = [contact.value for contact in account.contacts if contact.current]
        notices.notify_in_constant_time(contacts, notices.registration_attempt("nik", clock.now()), account.subject)
        trail.record("registration_refused", account=account.subject, reason="known")
        _save_draft(replace(draft, told=True))
    return _page("known", phone=account.phone, email=account.email)


def _give_contacts(draft: Draft, form: ContactForm) -> Response:
    accepted = form.validate_on_submit()
    if form.password.data:
        # Judged even when another field is wrong: nobody should hear of one mistake at a time.
        accepted = form.password.accept(_forbidden_in_password(draft, form)) and accepted
    if not _point_out_refused(draft, form) or not accepted:
        return _page("contact", form)
    # Counted before anything is hashed: one address must not keep the cores from those who sign in.
    acts = _count_contacts(draft)
    try:
        hashed = hashing.hash_password(form.password.data or "")
    except hashing.Busy:
        for name, subjects in acts:
            rate_limits.give_back(name, *subjects)
        raise
    return _send_to_new(draft.with_contacts(form.email.value, form.phone.value, hashed))


def _count_contacts(draft: Draft) -> list[tuple[str, tuple[str, ...]]]:
    nik = sealer().index(draft.proved.nik.value, "facts")
    acts: list[tuple[str, tuple[str, ...]]] = [
        ("registration_nik", (nik,)),
        ("registration_address", (requests.client_network(),)),
    ]
    rate_limits.hit_all(acts)
    return acts


def _point_out_refused(draft: Draft, form: ContactForm) -> bool:
    """Whether neither contact is the one that turned out to be another account's; else its field says so."""
    for field, kept in ((form.email, draft.email), (form.phone, draft.phone)):
        given = field.value.value if field.value else kept
        if draft.refused and given == draft.refused and not field.errors:
            field.errors = [_("Kontak ini tidak dapat digunakan karena terhubung ke akun lain. Masukkan yang lain.")]
            return False
    return True


def _send_to_new(draft: Draft) -> Response:
    """Sends to contacts just given; a number that was proved or has a code on its way gets no further one."""
    if draft.verified:
        return _finish(_save_draft(draft))
    return _save_and_redirect(draft, "registration.verify") if draft.code and draft.sent.wait else _send(draft)


def _send(draft: Draft) -> Response:
    """Sends a code, or only seems to when the number is another account's; owners of taken contacts are told.

    A taken e-mail holds back no code and is not refused: unproved it is nobody's, and whoever registers learns nothing of it.
    """
    taken = [c for c in (draft.phone_number, draft.email_address) if accounts.contact_taken(c)]
    # A real send waits for the gateway, so that a message which could not go out says so at once.
    deliver = otp.pretend if draft.phone_number in taken else otp.send
    challenge = deliver(draft.sent.challenge if draft.code else None, PURPOSE, draft.phone_number)
    for contact_ in taken:
        _tell_owner(contact_)
    return _save_and_redirect(
        replace(draft, code=SentCode.of(challenge, again=draft.code is not None).to_dict()), "registration.verify"
    )


def _tell_owner(taken: ContactValue) -> None:
    notices.notify_in_constant_time([taken], notices.registration_attempt(taken.kind, clock.now()))


def _finish(draft: Draft) -> Response:
    try:
        account = _create_account(draft)
    except accounts.NikTaken:
        return _save_and_redirect(Draft(proof=draft.proof), "registration.contact")
    except accounts.ContactTaken:
        return _save_and_redirect(draft.without_phone(), "registration.contact")
    trail.record("registration_finished", account=account.subject, client=current_interaction().service.get("client_id"))
    current_interaction().authenticated(Authentication(account.subject, ("pwd", "sms"), clock.timestamp(), account.acr))
    # Nothing of the draft is needed any more: what is not kept cannot leak.
    return _save_and_redirect(Draft(done=True), "registration.done")


def _create_account(draft: Draft) -> Account:
    """The account of this draft; raises NikTaken, ContactTaken."""
    proof = draft.proved
    locale = current_interaction().locale or languages.current().tag
    try:
        return accounts.create(proof.nik, proof.name, draft.phone_number, draft.email_address, draft.password_hash, locale=locale)
    except accounts.NikTaken:
        account = accounts.find_by_nik(proof.nik)
        # The hash is salted: the same one means that this very draft wrote the account before the store went away.
        if account is None or account.password_hash != draft.password_hash:
            raise
        return account


def _forbidden_in_password(draft: Draft, form: ContactForm) -> list[str]:
    proof = draft.proved
    phone, email = form.phone.value.local if form.phone.value else "", str(form.email.data or "").partition("@")[0]
    return [proof.name.text, proof.nik.value, phone, email]


def _draft() -> Draft:
    return Draft.load(current_interaction().draft(ROOM))


def _save_draft(draft: Draft) -> Draft:
    current_interaction().put_draft(ROOM, draft.notes())
    current_interaction().save()
    return draft


def _save_and_redirect(draft: Draft, endpoint: str) -> Response:
    _save_draft(draft)
    return _redirect_to(endpoint)


def _redirect_to(endpoint: str) -> Response:
    return urls.see_other(url_for(endpoint))


def _verify_page(draft: Draft, form: CodeForm, status: int | None = None, **context: Any) -> Response:
    shown = draft.sent.shown() | {"phone": draft.phone_number, "verified": draft.verified}
    return _page("verify", form, status, **shown, **context)


def _page(name: str, form: Any = None, status: int | None = None, **context: Any) -> Response:
    return form_page(f"registration/{name}.html", form, status, **context)
