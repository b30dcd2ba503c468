"""The page that says that the account is there, and the offer to prove its address by a code: never asked for."""

from dataclasses import replace
from typing import Any

from flask import Response, request, url_for

from idp import accounts, notices
from idp.accounts import Account
from idp.core import clock
from idp.core.languages import _
from idp.core.values import EmailAddress
from idp.interaction.rooms import current_interaction
from idp.limits.rate_limits import TooManyAttempts
from idp.one_time_codes import otp
from idp.one_time_codes.code_step import CodeForm, SentCode, verify_code
from idp.registration.draft import Draft
from idp.registration.routes import ROOM, room
from idp.storage.database import DATABASE_DOWN
from idp.storage.unit_of_work import unit_of_work
from idp.web import urls
from idp.web.forms import form_page

PURPOSE = "email-proof"


@room.route("/register/done")
def done() -> Response:
    """It worked: on into the service; and the address may be proved, if nobody has done so."""
    draft = _draft()
    if draft.step != "done":
        return urls.see_other(url_for(f"registration.{draft.step}"))
    try:
        return form_page("registration/done.html", email=_unproved_address())
    except DATABASE_DOWN:
        return form_page("registration/done.html", email=None)  # what matters here is the way on


@room.route("/register/email", methods=["POST"])
def send_email_code() -> Response:
    """Sends a code to the address, or only seems to where another account has proved it, whose owner is told instead."""
    draft, account, address = _draft(), _account(), _unproved_address()
    if account is None or address is None:
        return _to_done()
    known = SentCode(**draft.email_code).challenge if draft.email_code else None
    taken = accounts.contact_taken(address, except_subject=account.subject)
    try:
        challenge = (otp.pretend if taken else _send)(known, PURPOSE, address)
    except TooManyAttempts as limit:
        return _page(draft, address, CodeForm(formdata=None), 429, limited=limit.retry_after)
    notices.notify_in_constant_time([address] if taken else [], notices.contact_attempt(address.kind, clock.now()))
    _save(replace(draft, email_code=SentCode.of(challenge, again=known is not None).to_dict()))
    return urls.see_other(url_for("registration.verify_email"))


@room.route("/register/email/verify", methods=["GET", "POST"])
def verify_email() -> Response:
    """Asks for the code; with the right one the address counts."""
    draft, account, address, form = _draft(), _account(), _unproved_address(), CodeForm()
    if account is None or address is None or draft.email_code is None:
        return _to_done()
    if request.method != "POST" or not form.validate():
        return _page(draft, address, form)
    try:
        if verify_code(form, SentCode(**draft.email_code), PURPOSE, address):
            return _confirm(draft, account, address, form)
    except TooManyAttempts as limit:
        return _page(draft, address, form, 429, exhausted=limit.limit, limited=limit.retry_after)
    return _page(draft, address, form)


def _confirm(draft: Draft, account: Account, address: EmailAddress, form: CodeForm) -> Response:
    authentication = current_interaction().authentication
    assert authentication is not None
    try:
        with unit_of_work():
            notices.notify(account.contacts_in_use, notices.contact_verified(clock.now()), account.subject)
            accounts.confirm_contact(account, address, authentication.generation)
    except accounts.ContactTaken:
        # Told only now: the address is theirs, by the code.
        form.code.errors = [_("Kontak ini terhubung ke akun lain. Masukkan yang lain.")]
        return _page(draft, address, form)
    except accounts.Outdated:
        pass  # the account has changed meanwhile: the door asks who this is
    except DATABASE_DOWN:
        return _page(draft, address, CodeForm(formdata=None), 503, interrupted=True)
    _save(replace(draft, email_code=None))
    return _to_done()


def _send(known: str | None, purpose: str, address: EmailAddress) -> otp.Challenge:
    return otp.send(known, purpose, address, neutral=True)


def _unproved_address() -> EmailAddress | None:
    """The address of the account that this interaction has registered, as long as no code has come to it."""
    account = _account()
    if account is None or account.email is None or account.email in account.verified_contacts:
        return None
    return account.email


def _account() -> Account | None:
    """Whom this interaction has just registered."""
    authentication = current_interaction().authentication
    return accounts.find(authentication.account) if _draft().done and authentication is not None else None


def _draft() -> Draft:
    return Draft.load(current_interaction().draft(ROOM))


def _save(draft: Draft) -> None:
    current_interaction().put_draft(ROOM, draft.notes())
    current_interaction().save()


def _to_done() -> Response:
    return urls.see_other(url_for("registration.done"))


def _page(draft: Draft, address: EmailAddress, form: CodeForm, status: int | None = None, **context: Any) -> Response:
    sent = SentCode(**draft.email_code).shown() if draft.email_code else {"sent_at": clock.now(), "wait": 0}
    return form_page("registration/email.html", form, status, email=address, **sent, **context)
