"""A phone number that whoever goes on with a NIK proves first, once others have guessed at it too often.

The facts are typed again afterwards: the mother's name is kept nowhere, not for a minute.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from flask import Flask, Response, request, url_for

from idp.core.languages import _l
from idp.core.values import PhoneNumber
from idp.identity.proofing import NumberNeeded
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.one_time_codes import otp
from idp.one_time_codes.code_step import CodeForm, SentCode, verify_code
from idp.web import requests, urls
from idp.web.fields import PhoneField
from idp.web.forms import Form, form_page

NOTES = "number-first"
PURPOSE = "facts"
room = rooms.room("identity", __name__, "create", "login", "limited", "limited_preferred")


class NumberForm(Form):
    """A mobile number of whoever is asking."""

    phone = PhoneField(_l("Nomor Handphone"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Who is asked for a number: `back` is the page of the facts, `number` the one given, `verified` once it is proved.

    `used` is that the number given before has had its try today.
    """

    back: str
    number: str = field(default="", repr=False)
    code: dict[str, Any] | None = None
    verified: bool = False
    used: bool = False

    @property
    def phone(self) -> PhoneNumber:
        """The number to which the code goes."""
        return PhoneNumber(self.number)

    @property
    def sent(self) -> SentCode | None:
        """The code on its way, if there is one."""
        return SentCode(**self.code) if self.code else None


def init_app(app: Flask) -> None:
    """Registers the pages that ask for a number."""
    app.register_blueprint(room)


def proved_number() -> PhoneNumber | None:
    """The number that was proved in this interaction."""
    draft = _draft()
    return draft.phone if draft is not None and draft.verified else None


def ask(needed: NumberNeeded, back: str) -> Response:
    """To the page that asks for a number; from there it goes on to the endpoint `back`, where the facts are typed again."""
    _save(Draft(back=back, used=needed.used))
    return urls.see_other(url_for("identity.number"))


@room.route("/identity/number", methods=["GET", "POST"])
def number() -> Response:
    """Asks for the number."""
    draft, form = _draft(), NumberForm()
    if draft is None:
        return rooms.redirect_to_next_step()
    if not form.validate_on_submit():
        return form_page("identity/number.html", form, used=draft.used, back=draft.back)
    try:
        rate_limits.hit("registration_address", requests.client_network())
        return _send(replace(draft, number=form.phone.value.value, code=None, verified=False))
    except TooManyAttempts as limit:
        return form_page("identity/number.html", form, 429, used=False, back=draft.back, wait=limit.retry_after)


@room.route("/identity/verify", methods=["GET", "POST"])
def verify() -> Response:
    """Asks for the code that went to it; with the right one the facts may be typed once more."""
    draft, form = _draft(), CodeForm()
    if draft is None or draft.sent is None:
        return urls.see_other(url_for("identity.number"))
    if request.method != "POST" or not form.validate():
        return _verify_page(draft, form)
    try:
        if not verify_code(form, draft.sent, PURPOSE, draft.phone):
            return _verify_page(draft, form)
    except TooManyAttempts as limit:
        return _verify_page(draft, form, 429, exhausted=limit.limit, limited=limit.retry_after)
    _save(replace(draft, verified=True, code=None))
    return urls.see_other(url_for(draft.back))


@room.route("/identity/resend", methods=["POST"])
def resend() -> Response:
    """Another code; earlier ones stay valid."""
    draft = _draft()
    if draft is None or draft.sent is None:
        return urls.see_other(url_for("identity.number"))
    try:
        return _send(draft)
    except TooManyAttempts as limit:
        return _verify_page(draft, CodeForm(formdata=None), 429, limited=limit.retry_after)


def _send(draft: Draft) -> Response:
    challenge = otp.send(draft.sent.challenge if draft.sent else None, PURPOSE, draft.phone)
    _save(replace(draft, code=SentCode.of(challenge, again=draft.sent is not None).to_dict()))
    return urls.see_other(url_for("identity.verify"))


def _verify_page(draft: Draft, form: CodeForm, status: int | None = None, **context: Any) -> Response:
    shown = draft.sent.shown() if draft.sent else {}
    return form_page("identity/verify.html", form, status, phone=draft.phone, **shown, **context)


def _draft() -> Draft | None:
    notes = current_interaction().draft(NOTES)
    return Draft(**notes) if notes else None


def _save(draft: Draft) -> None:
    current_interaction().put_draft(NOTES, asdict(draft))
    current_interaction().save()
