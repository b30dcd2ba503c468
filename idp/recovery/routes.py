"""Recovering an account: choose a way, prove, set a new password, and go back to sign in. Nobody is signed in here."""

from dataclasses import replace
from typing import Any

from flask import Response, request, url_for

from idp import accounts
from idp.accounts import hashing
from idp.audit import trail
from idp.core import clock
from idp.core.languages import _
from idp.core.values import EmailAddress, PhoneNumber
from idp.gateways.civil_registry import RegistryUnavailable
from idp.identity import known_person, number_first, proofing
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.one_time_codes import otp
from idp.one_time_codes.code_step import CodeForm, SentCode, verify_code
from idp.probation.state_machine import Case, ImpossibleAct, State
from idp.recovery import completion
from idp.recovery.draft import (
    EMAIL,
    IDENTITY,
    NO_ACCOUNT,
    PHONE,
    PROVISIONAL,
    RECOVERED,
    REFUSED,
    WAITING,
    WITHDRAWN,
    Draft,
)
from idp.recovery.forms import ContactForm, EmailForm, IdentityForm, PasswordForm, PhoneForm
from idp.storage.database import DATABASE_DOWN
from idp.storage.sealing import sealer
from idp.web import requests, urls
from idp.web.forms import form_page

ROOM = "recovery"
OUTAGES: tuple[type[Exception], ...] = (hashing.Busy, *DATABASE_DOWN)
OUTCOMES = {
    RECOVERED: "done",
    PROVISIONAL: "provisional",
    WAITING: "waiting",
    WITHDRAWN: "withdrawn",
    NO_ACCOUNT: "unknown",
    REFUSED: "refused",
}
room = rooms.room(ROOM, __name__, "login", "limited", "limited_preferred")


@room.route("/recover")
def choose() -> Response:
    """Offers the three ways of recovery."""
    return _page("choose")


@room.route("/recover/phone", methods=["GET", "POST"])
def prove_phone() -> Response:
    """NIK and the number that still works."""
    return _begin_by_contact("by_phone", PhoneForm(data=_known()), PHONE)


@room.route("/recover/email", methods=["GET", "POST"])
def prove_email() -> Response:
    """NIK and the address that still works."""
    return _begin_by_contact("by_email", EmailForm(data=_known()), EMAIL)


@room.route("/recover/identity", methods=["GET", "POST"])
def prove_identity() -> Response:
    """The three facts, for whom no contact works; the same work and answer whether or not there is an account."""
    form = IdentityForm(data=_draft().form_prefill or _known())
    if not form.validate_on_submit():
        return _page("identity", form)
    try:
        facts = form.nik.value, form.name.value, form.mothers_name.value
        proof = proofing.prove(*facts, "recovery", number_first.proved_number())
    except proofing.NumberNeeded as needed:
        return number_first.ask(needed, "recovery.prove_identity")
    except proofing.FactsDoNotMatch as mismatch:
        return _page("identity", form, 422, remaining=mismatch.remaining)
    except proofing.RecordNeedsAttention:
        return _page("attention", form, 422)
    except RegistryUnavailable as down:
        return _page("identity", form, 503, registry=down.reason)
    draft = _save_draft(Draft(way=IDENTITY, proof=proof.to_dict()))
    try:
        return _save_and_redirect(completion.warn_owner(draft), "recovery.contact")
    except DATABASE_DOWN:
        # The facts have been counted and are not asked for again; the next page warns before it does anything.
        return _redirect_to("recovery.contact")


@room.route("/recover/contact", methods=["GET", "POST"])
def contact() -> Response:
    """New contacts and a new password, after the facts."""
    draft = _draft()
    if draft.way != IDENTITY or draft.step not in ("contact", "verify"):
        return _redirect_to(f"recovery.{draft.step}")
    form = ContactForm(email=draft.email, phone=PhoneNumber(draft.recipient).local if draft.recipient else "")
    try:
        return _give_contacts(draft if draft.warned else _save_draft(completion.warn_owner(draft)), form)
    except TooManyAttempts as limit:
        return _page("contact", form, 429, wait=limit.retry_after)
    except OUTAGES:
        return _page("contact", form, 503, interrupted=True)


@room.route("/recover/verify", methods=["GET", "POST"])
def verify() -> Response:
    """Asks for the code; with the right one the recovery goes on or is completed."""
    draft = _draft()
    if draft.step != "verify":
        return _redirect_to(f"recovery.{draft.step}")
    form = CodeForm()
    if request.method != "POST" or not (draft.verified or form.validate()):
        return _verify_page(draft, form)
    try:
        if not draft.verified and not verify_code(form, draft.sent, draft.purpose, draft.contact):
            # A second click comes too late for the code, and in time for what the first one achieved.
            return _redirect_to("recovery.verify") if current_interaction().changed_elsewhere() else _verify_page(draft, form)
    except TooManyAttempts as limit:
        return _verify_page(draft, form, 429, exhausted=limit.limit, limited=limit.retry_after)
    # Kept at once: should SQL be away just now, the used code need not be right twice.
    draft = _save_draft(replace(draft, verified=True))
    try:
        return _complete(draft) if draft.way == IDENTITY else _redirect_to("recovery.password")
    except DATABASE_DOWN:
        return _verify_page(draft, form, 503, interrupted=True)


@room.route("/recover/resend", methods=["GET", "POST"])
def resend() -> Response:
    """Another code; earlier ones stay valid. Refreshed or bookmarked, it only shows the page."""
    draft = _draft()
    if request.method != "POST" or draft.step != "verify" or draft.verified:
        return _redirect_to(f"recovery.{draft.step}")
    try:
        return _send(draft)
    except TooManyAttempts as limit:
        return _verify_page(draft, CodeForm(formdata=None), 429, limited=limit.retry_after)
    except DATABASE_DOWN:
        return _verify_page(draft, CodeForm(formdata=None), 503, interrupted=True)


@room.route("/recover/password", methods=["GET", "POST"])
def password() -> Response:
    """A new password, after the code of a contact that the account has."""
    draft = _draft()
    if draft.step != "password":
        return _redirect_to(f"recovery.{draft.step}")
    form = PasswordForm()
    try:
        account = accounts.find(draft.account)
        if account is None:
            return _redirect_to("recovery.choose")
        if not form.validate_on_submit() or not form.password.accept(accounts.forbidden_in_password(account)):
            return _page("password", form)
        _set_password(draft, account, form.password.data or "")
    except (ImpossibleAct, accounts.ContactTaken, accounts.Outdated):
        return _save_and_redirect(Draft(outcome=REFUSED), "recovery.done")
    except OUTAGES:
        return _page("password", form, 503, interrupted=True)
    return _save_and_redirect(Draft(outcome=RECOVERED), "recovery.done")


@room.route("/recover/done")
def done() -> Response:
    """The account works again: on to the sign-in page, still on the way to the service; or there is none to recover."""
    draft = _draft()
    if draft.step != "done":
        return _redirect_to(f"recovery.{draft.step}")
    return _page(OUTCOMES[draft.outcome], until=clock.from_timestamp(draft.until))


@room.route("/recover/withdraw", methods=["POST"])
def withdraw() -> Response:
    """Whoever began a recovery that waits takes it back."""
    draft = _draft()
    if draft.outcome != WAITING or not completion.withdraw(draft.recovery):
        return _redirect_to(f"recovery.{draft.step}")
    return _save_and_redirect(Draft(outcome=WITHDRAWN), "recovery.done")


def _set_password(draft: Draft, account: accounts.Account, typed: str) -> None:
    """Resets the password, or with it completes the recovery that has waited for this number."""
    if not draft.recovery:
        completion.reset_password(draft, account, typed)
        return
    row = completion.waited_recovery_for(account, draft.contact)
    if row is None or row.id != draft.recovery:
        raise ImpossibleAct(State.EXPIRED)
    completion.finish(draft, row, account, hashing.hash_password(typed))


def _begin_by_contact(page: str, form: PhoneForm | EmailForm, way: str) -> Response:
    if not form.validate_on_submit():
        return _page(page, form)
    try:
        rate_limits.hit("password_address", requests.client_network())
        account = accounts.find_by_nik(form.nik.value)
        typed: PhoneNumber | EmailAddress = form.contact.value
        # A locked account is opened by officers, and by nothing that its contacts prove.
        owned = account is not None and not account.locked and typed in account.verified_contacts
        waited = completion.waited_recovery_for(account, typed) if account is not None and not owned else None
        if account is None or account.locked or not (owned or waited):
            return _send(Draft(way=way, recipient=typed.value))
        begun = Draft(way=way, recipient=typed.value, account=account.subject, generation=account.generation)
        return _send(replace(begun, recovery=waited.id if waited else ""))
    except TooManyAttempts as limit:
        return _page(page, form, 429, wait=limit.retry_after)
    except DATABASE_DOWN:
        return _page(page, form, 503, interrupted=True)


def _give_contacts(draft: Draft, form: ContactForm) -> Response:
    accepted = form.validate_on_submit()
    if form.password.data:
        # Judged even when another field is wrong: nobody should hear of one mistake at a time.
        accepted = form.password.accept(completion.forbidden_in_password(draft, form)) and accepted
    if not _point_out_refused(draft, form) or not accepted:
        return _page("contact", form)
    # Counted before anything is hashed: one address must not keep the cores from those who sign in.
    rate_limits.hit("recovery_given_nik", sealer().index(draft.proved.nik.value, "facts"))
    hashed = hashing.hash_password(form.password.data or "")
    knew = draft.knew_password or completion.knows_password(draft, form.old_password.data or "")
    draft = replace(draft.with_contacts(form.email.value, form.phone.value, hashed), knew_password=knew)
    if draft.verified:
        return _complete(_save_draft(draft))
    # A code that is on its way to the same number is not sent again.
    return _save_and_redirect(draft, "recovery.verify") if draft.code and draft.sent.wait else _send(draft)


def _point_out_refused(draft: Draft, form: ContactForm) -> bool:
    """Whether both contacts may be had, as far as that is known; else a field says so."""
    for field, kept in ((form.email, draft.email), (form.phone, draft.recipient)):
        given = field.value.value if field.value else kept
        if draft.refused and given == draft.refused and not field.errors:
            field.errors = [_("Kontak ini tidak dapat digunakan karena terhubung ke akun lain. Masukkan yang lain.")]
            return False
        if field.value and completion.contact_used_recently(field.value):
            field.errors = [_("Kontak ini baru saja digunakan untuk memulihkan akun. Masukkan yang lain.")]
            return False
    return True


def _send(draft: Draft) -> Response:
    """Sends a code, or only seems to, when it would go to nobody's or to somebody else's contact; both look alike."""
    real, known = completion.may_send_code(draft), draft.sent.challenge if draft.code else None
    challenge = (
        otp.send(
            known,
            draft.purpose,
            draft.contact,
            draft.account or None,
            neutral=True,
            generation=draft.generation if draft.account else None,
        )
        if real
        else otp.pretend(known, draft.purpose, draft.contact)
    )
    return _save_and_redirect(replace(draft, code=SentCode.of(challenge, again=known is not None).to_dict()), "recovery.verify")


def _complete(draft: Draft) -> Response:
    account = accounts.find(draft.account) if draft.account else None
    try:
        case = completion.complete(draft, account)
    except accounts.ContactTaken:
        return _save_and_redirect(draft.without_phone(), "recovery.contact")
    except (ImpossibleAct, accounts.Outdated):
        return _save_and_redirect(Draft(outcome=REFUSED), "recovery.done")
    if case is None:
        # Told only now: the facts matched and the number is theirs.
        trail.record("recovery_refused", reason="no account")
        known_person.remember(
            current_interaction(), draft.proved, "recovery", EmailAddress(draft.email), PhoneNumber(draft.recipient)
        )
        return _save_and_redirect(Draft(outcome=NO_ACCOUNT), "recovery.done")
    return _save_and_redirect(_ended(draft, case), "recovery.done")


def _ended(draft: Draft, case: Case) -> Draft:
    outcome = {State.PROVISIONAL: PROVISIONAL, State.WAITING: WAITING, State.FINAL: RECOVERED}.get(case.state, REFUSED)
    return Draft(recovery=draft.recovery, outcome=outcome, until=case.until)


def _known() -> dict[str, str]:
    """What registration has found right just before: that the NIK has an account, which is why they are here."""
    known = known_person.recall(current_interaction())
    return known.prefill if known else {}


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
    shown: dict[str, Any] = {
        "contact": draft.contact.masked,
        "neutral": draft.way != IDENTITY,
        "by_mail": draft.contact.kind == EMAIL,
        "verified": draft.verified,
    }
    return _page("verify", form, status, **shown, **draft.sent.shown(), **context)


def _page(name: str, form: Any = None, status: int | None = None, **context: Any) -> Response:
    return form_page(f"recovery/{name}.html", form, status, **context)
