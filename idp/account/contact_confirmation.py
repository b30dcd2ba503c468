"""Another contact of an account without second factor: one of the old contacts agrees to it by a code as well."""

from dataclasses import replace
from typing import Any

from flask import Response, g, request, url_for

from idp.account.access import blueprint, page, redirect_to_sign_in, second_factor_required_if_enrolled, sign_in_required
from idp.account.contacts import PendingContactChange, contacts_to_ask, finish, pending_change, save_pending_change
from idp.core.values import ContactValue
from idp.limits.rate_limits import TooManyAttempts
from idp.one_time_codes import otp
from idp.one_time_codes.code_step import CodeForm, SentCode, verify_code
from idp.web import urls

PURPOSE = "contact-change-old"


@blueprint.route("/contacts/confirm", methods=["GET", "POST"])
@second_factor_required_if_enrolled
def confirm_contact() -> Response:
    """Asks which old contact gets a code, and then for that code."""
    change = pending_change()
    if change is None or not change.proved:
        return urls.see_other(url_for("account.contacts"))
    if request.method != "POST":
        return _page(change, CodeForm(formdata=None))
    try:
        return _answered(change)
    except TooManyAttempts as limit:
        return _page(change, CodeForm(formdata=None), 429, exhausted=limit.limit, limited=limit.retry_after)


@blueprint.route("/contacts/lost", methods=["POST"])
@sign_in_required
def contacts_lost() -> Response:
    """No old contact works any more: to the sign-in page, where the account is recovered by identity, with its time for
    the old contacts to say no."""
    return redirect_to_sign_in(url_for("account.contacts"), prompt="login")


def _answered(change: PendingContactChange) -> Response:
    askable = {contact.kind: contact for contact in contacts_to_ask(change)}
    if change.agreed or not askable:
        return finish(change)
    chosen = askable.get(request.form.get("to", ""))
    if chosen is not None:
        return _send(change, chosen)
    asked, form = askable.get(change.old), CodeForm()
    if asked is None or not form.validate() or not verify_code(form, SentCode(**change.old_code), PURPOSE, asked):
        return _page(change, form)
    # Kept at once: should SQL be away just now, the used code need not be right twice.
    return finish(save_pending_change(replace(change, agreed=True)))


def _send(change: PendingContactChange, contact: ContactValue) -> Response:
    known = change.old_code.get("challenge") if change.old == contact.kind else None
    challenge = otp.send(known, PURPOSE, contact, g.account.subject, generation=change.generation)
    again = change.old == contact.kind
    save_pending_change(replace(change, old=contact.kind, old_code=SentCode.of(challenge, again=again).to_dict()))
    return urls.see_other(url_for("account.confirm_contact"))


def _page(change: PendingContactChange, form: CodeForm, status: int | None = None, **trouble: Any) -> Response:
    askable = contacts_to_ask(change)
    asked = next((contact for contact in askable if contact.kind == change.old), None)
    sent = SentCode(**change.old_code).shown() if asked is not None else {}
    known = {"askable": askable, "asked": asked, "agreed": change.agreed or not askable}
    return page("confirm_contact", form, status, **known, **sent, **trouble)
