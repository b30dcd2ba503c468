"""The second factor: the app's code, a recovery code, or an SMS for those who have nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from flask import Response, request, url_for

from idp import accounts, authenticators
from idp.accounts import Account
from idp.authenticators import Enrolled, WrongFactor, passkeys, recovery_codes, remembered_devices, totp
from idp.core.languages import _
from idp.core.values import Authentication
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.limits.rate_limits import TooManyAttempts
from idp.login.draft import ROOM, Draft
from idp.login.forms import AppCodeForm, PasskeyForm, RecoveryCodeForm
from idp.login.routes import room
from idp.one_time_codes import otp
from idp.one_time_codes.code_step import CodeForm, SentCode, verify_code
from idp.web import urls
from idp.web.forms import form_page

PURPOSE = "mfa"


@dataclass(frozen=True, slots=True)
class SecondFactorContext:
    """Whose second factor is owed, what they have enrolled, and what was gathered in this interaction."""

    account: Account
    enrolled: Enrolled
    draft: Draft
    proved: Authentication


def while_second_factor_owed(view: Callable[[SecondFactorContext], Response]) -> Callable[[], Response]:
    """Opens a page only while the second factor is owed by somebody who may still sign in; else it is the door's turn."""

    @wraps(view)
    def opened() -> Response:
        first = current_interaction().authentication
        # A lock or a new password since the first factor ends it here too, before anything is guessed at.
        if "mfa" not in current_interaction().owed or first is None:
            return rooms.redirect_to_next_step()
        if not accounts.authentication_still_valid(first):
            current_interaction().forget_authentication()
            return rooms.save_and_continue()
        account = accounts.find(first.account)
        if account is None:
            return rooms.redirect_to_next_step()
        draft = Draft.load(current_interaction().draft(ROOM), first.account)
        return view(SecondFactorContext(account, authenticators.enrolled_for(first.account), draft, first))

    return opened


@room.route("/login/otp", methods=["GET", "POST"], endpoint="otp")
@while_second_factor_owed
def otp_page(visit: SecondFactorContext) -> Response:
    """The code of the app; also where every other way begins."""
    form = AppCodeForm()
    if not visit.enrolled.totp or not form.validate_on_submit():
        return page("second", visit, form)
    refused = _error_page_unless(visit, form, lambda: totp.verify(visit.account.subject, form.code.data or ""))
    return refused or complete_second_factor(visit, ("otp",), remember=form.remember.data)


@room.route("/login/otp/recovery-code", methods=["GET", "POST"])
@while_second_factor_owed
def recovery_code(visit: SecondFactorContext) -> Response:
    """A code from paper, for those whose phone is not at hand."""
    if not visit.enrolled.recovery_codes_left:
        return redirect_to("login.otp")
    form = RecoveryCodeForm()
    if not form.validate_on_submit():
        return page("recovery_code", visit, form)
    refused = _error_page_unless(visit, form, lambda: recovery_codes.verify(visit.account.subject, form.code.data or ""))
    return refused or complete_second_factor(visit, ("otp",))


@room.route("/login/otp/send", methods=["GET", "POST"])
@while_second_factor_owed
def send(visit: SecondFactorContext) -> Response:
    """Sends a code by SMS, or another; refreshed or bookmarked, it only shows the page."""
    phone = visit.account.phone
    if request.method != "POST" or phone is None or not visit.enrolled.sms or visit.draft.proved:
        return redirect_to(f"login.{visit.draft.step}")
    known = visit.draft.sent
    try:
        challenge = otp.send(
            known.challenge if known else None, PURPOSE, phone, visit.account.subject, generation=visit.proved.generation
        )
    except TooManyAttempts as limit:
        name = "sms" if known else "second"
        return page(name, visit, AppCodeForm(formdata=None), 429, limited=limit.retry_after)
    # Only somebody without an authenticator may set one up here: else a code by SMS would replace what is stronger.
    app = request.form.get("app", "1" if visit.draft.app else "") == "1" and not visit.enrolled.any
    return save_draft_and_redirect(
        replace(visit.draft, code=SentCode.of(challenge, again=known is not None).to_dict(), app=app), "login.sms"
    )


@room.route("/login/otp/sms", methods=["GET", "POST"])
@while_second_factor_owed
def sms(visit: SecondFactorContext) -> Response:
    """The code from the SMS."""
    sent, phone = visit.draft.sent, visit.account.phone
    if sent is None or phone is None or not visit.enrolled.sms or visit.draft.proved:
        return redirect_to("login.app" if visit.draft.proved else "login.otp")
    form = CodeForm()
    if not form.validate_on_submit():
        return page("sms", visit, form)
    try:
        if not verify_code(form, sent, PURPOSE, phone):
            return rooms.redirect_to_next_step() if current_interaction().changed_elsewhere() else page("sms", visit, form)
    except TooManyAttempts as limit:
        return page("sms", visit, form, 429, exhausted=limit.limit, limited=limit.retry_after)
    if visit.draft.app:
        return save_draft_and_redirect(replace(visit.draft, code=None, proved=True), "login.app")
    return complete_second_factor(visit, ("sms",))


@room.route("/login/otp/decline", methods=["POST"])
@while_second_factor_owed
def decline(visit: SecondFactorContext) -> Response:
    """On without it: only where the client would merely have liked it, which the door decides."""
    current_interaction().declined = True
    return rooms.save_and_continue()


def complete_second_factor(visit: SecondFactorContext, amr: tuple[str, ...], *, remember: bool = False) -> Response:
    """The second factor is given: back to the door; `remember` excuses this browser for 30 days."""
    current_interaction().add_second_factor(amr)
    current_interaction().put_draft(ROOM, {})
    response = rooms.save_and_continue()
    if remember:
        remembered_devices.remember(visit.account.subject, response, visit.proved.generation)
    return response


def save_draft_and_redirect(draft: Draft, endpoint: str) -> Response:
    """Keeps what was gathered and goes to a page of this room."""
    current_interaction().put_draft(ROOM, draft.notes())
    current_interaction().save()
    return redirect_to(endpoint)


def redirect_to(endpoint: str) -> Response:
    """303 to a page of this room."""
    return urls.see_other(url_for(endpoint))


def page(name: str, visit: SecondFactorContext, form: Any = None, status: int | None = None, **context: Any) -> Response:
    """A page of the second factor, with what it says about a code on its way."""
    sent, keys = visit.draft.sent, name == "second" and bool(visit.enrolled.passkeys) and passkeys.supported()
    options = passkeys.request_options(f"second:{current_interaction().id}", visit.account.subject) if keys else None
    context |= {"options": options, "passkey": PasskeyForm(formdata=None)}
    return form_page(f"login/{name}.html", form, status, **(sent.shown() if sent else {}), visit=visit, **context)


def _error_page_unless(visit: SecondFactorContext, form: Any, verify: Callable[[], None]) -> Response | None:
    """The page that says why not, or None when it was right."""
    name = "recovery_code" if isinstance(form, RecoveryCodeForm) else "second"
    try:
        verify()
    except WrongFactor:
        # A second click comes too late for the code, and in time for what the first one achieved.
        if current_interaction().changed_elsewhere():
            return rooms.redirect_to_next_step()
        form.code.errors = [_("Kode salah atau sudah digunakan. Periksa kembali, atau tunggu kode berikutnya.")]
        return page(name, visit, form)
    except TooManyAttempts as limit:
        return page(name, visit, form, 429, limited=limit.retry_after)
    return None
