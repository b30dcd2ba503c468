"""Kontak: another handphone number or e-mail address, once a code has come to it; the old one is told."""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from flask import Response, g, request, url_for

from idp import accounts, authenticators, notices
from idp.account.access import blueprint, go_on_here, page, second_factor_required_if_enrolled, sign_in_required
from idp.core import clock, lifetimes
from idp.core.languages import _, _l
from idp.core.values import ContactValue, EmailAddress, PhoneNumber, contact_of_kind
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.one_time_codes import otp
from idp.one_time_codes.code_step import CodeForm, SentCode, verify_code
from idp.sessions import known_devices
from idp.storage.redis_store import store
from idp.storage.sealing import Unsealable, sealer
from idp.storage.unit_of_work import unit_of_work
from idp.web import urls
from idp.web.fields import EmailField, PhoneField
from idp.web.forms import Form

LIFE = lifetimes.CONTACT_CHANGE.seconds
PURPOSE = "contact-change"


class PhoneForm(Form):
    """The new mobile number of the account."""

    contact = PhoneField(_l("Nomor Handphone baru"), name="phone")


class EmailForm(Form):
    """The new e-mail address of the account."""

    contact = EmailField(_l("Alamat Email baru"), name="email")


FORMS: dict[str, type[Form]] = {PhoneNumber.kind: PhoneForm, EmailAddress.kind: EmailForm}


@dataclass(frozen=True, slots=True)
class PendingContactChange:
    """A contact that waits for the code that went to it: `kind` is phone or email; `proved` once the code was right.

    `generation` is the account's when the change began: it counts for that one only.
    `old` is the kind of the old contact that was asked too, with the code `old_code`; `agreed` once that was right.
    """

    kind: str
    code: dict[str, Any]
    value: str = field(repr=False)
    generation: int
    proved: bool = False
    old: str = ""
    old_code: dict[str, Any] = field(default_factory=dict)
    agreed: bool = False

    @property
    def contact(self) -> ContactValue:
        """The contact that replaces the old one, as a value."""
        return contact_of_kind(self.kind, self.value)

    @property
    def sent(self) -> SentCode:
        """The code on its way."""
        return SentCode(**self.code)


@blueprint.route("/contacts")
@sign_in_required
def contacts() -> Response:
    """The page with the contacts in use."""
    return page("contacts", contacts={contact.kind: contact for contact in g.account.contacts if contact.current})


@blueprint.route("/contacts/<any(phone, email):kind>", methods=["GET", "POST"])
@second_factor_required_if_enrolled
def change_contact(kind: str) -> Response:
    """Asks for the new one; for the old again only where it was never proved."""
    form = FORMS[kind]()
    if not form.validate_on_submit():
        return page("change_contact", _offered(form, kind), kind=kind)
    new = form["contact"].value
    if any(c.current and c.value == new and c.verified_at is not None for c in g.account.contacts):
        form["contact"].errors = [_("Ini sudah kontak akun Anda.")]
        return page("change_contact", form, kind=kind)
    try:
        rate_limits.hit("contact_change_account", g.account.subject)
        return _send(PendingContactChange(kind, {}, new.value, g.session.authentication.generation))
    except TooManyAttempts as limit:
        return page("change_contact", form, 429, kind=kind, limited=limit.retry_after)


def _offered(form: Form, kind: str) -> Form:
    """With the contact in use, when it was never proved: that is why most people come here."""
    unproved = [c.value for c in g.account.contacts if c.current and c.kind == kind and c.verified_at is None]
    if request.method == "GET" and unproved:
        form["contact"].data = str(unproved[0].value)
    return form


@blueprint.route("/contacts/verify", methods=["GET", "POST"])
@second_factor_required_if_enrolled
def verify_contact() -> Response:
    """The code that went to the new contact."""
    change, form = pending_change(), CodeForm()
    if change is None:
        return urls.see_other(url_for("account.contacts"))
    if request.method != "POST" or not (change.proved or form.validate()):
        return _code_page(change, form)
    try:
        if not change.proved and not verify_code(form, change.sent, PURPOSE, change.contact):
            return _code_page(change, form)
    except TooManyAttempts as limit:
        return _code_page(change, form, 429, exhausted=limit.limit, limited=limit.retry_after)
    # Kept at once: should SQL be away just now, the used code need not be right twice.
    change = save_pending_change(replace(change, proved=True))
    return urls.see_other(url_for("account.confirm_contact")) if contacts_to_ask(change) else finish(change)


def contacts_to_ask(change: PendingContactChange) -> list[ContactValue]:
    """Old contacts one of which must agree by a code; none where the second factor was given, or where the contact of the
    account is only proved. A password alone, which may be stolen, changes no contact."""
    account = g.account
    if authenticators.enrolled_for(account.subject).any or change.contact in account.contacts_in_use:
        return []
    return list(account.verified_contacts)


@blueprint.route("/contacts/resend", methods=["POST"])
@second_factor_required_if_enrolled
def resend_to_contact() -> Response:
    """Another code; earlier ones stay valid."""
    change = pending_change()
    if change is None or change.proved:
        return urls.see_other(url_for("account.contacts"))
    try:
        return _send(change)
    except TooManyAttempts as limit:
        return _code_page(change, CodeForm(formdata=None), 429, limited=limit.retry_after)


def _send(change: PendingContactChange) -> Response:
    """Sends a code, or only seems to where the contact is another account's, whose owner is told instead.

    The code is counted and audited for nobody's account: a person's own history must not tell which it was.
    """
    contact, known = change.contact, change.sent.challenge if change.code else None
    taken = accounts.contact_taken(contact, except_subject=g.account.subject)
    send = otp.pretend if taken else _send_code
    challenge = send(known, PURPOSE, contact)
    notices.notify_in_constant_time([contact] if taken else [], notices.contact_attempt(change.kind, clock.now()))
    save_pending_change(replace(change, code=SentCode.of(challenge, again=known is not None).to_dict()))
    return urls.see_other(url_for("account.verify_contact"))


def _send_code(known: str | None, purpose: str, contact: ContactValue) -> otp.Challenge:
    return otp.send(known, purpose, contact, neutral=True)


def finish(change: PendingContactChange) -> Response:
    """Puts the contact in use and tells everybody; the caller has seen that whoever must agree has done so."""
    generation = change.generation
    try:
        with unit_of_work():
            generation = _put_in_use(change)
    except accounts.Outdated:
        store().drop(_key())
        return urls.see_other(url_for("account.contacts"))
    except accounts.ContactTaken:
        # Told only now: the contact is theirs, by the code.
        store().drop(_key())
        form = FORMS[change.kind](formdata=None)
        form["contact"].errors = [_("Kontak ini terhubung ke akun lain. Masukkan yang lain.")]
        return page("change_contact", form, kind=change.kind)
    store().drop(_key())
    if generation == change.generation:
        return urls.see_other(url_for("account.contacts"))
    return go_on_here(urls.see_other(url_for("account.contact_changed")), generation)


def _put_in_use(change: PendingContactChange) -> int:
    """The account's generation then: a contact that is only proved ends nothing of before."""
    account, new, before = g.account, change.contact, change.generation
    in_use = account.contacts_in_use
    if new in in_use:
        notices.notify(in_use, notices.contact_verified(clock.now()), account.subject)
        accounts.confirm_contact(account, new, before)
        return before
    notices.notify(dict.fromkeys([*in_use, new]), notices.contacts_changed(clock.now()), account.subject)
    generation = accounts.replace_contact(account, new, before, g.session.sid)
    known_devices.go_on(account.subject, before, generation)
    return generation


@blueprint.route("/contacts/changed")
@sign_in_required
def contact_changed() -> Response:
    """Says that the contact was changed, and what to do if it was not the owner."""
    return page("contact_changed")


def pending_change() -> PendingContactChange | None:
    """The change that this session has begun."""
    kept = store().get(_key())
    if kept is None:
        return None
    try:
        change = PendingContactChange(**orjson.loads(sealer().open(kept.decode(), _key())))
    except Unsealable:
        return None
    return change if change.generation == g.session.authentication.generation else None


def save_pending_change(change: PendingContactChange) -> PendingContactChange:
    """Keeps the change for this session, sealed."""
    store().put(_key(), sealer().seal(orjson.dumps(change).decode(), _key()), LIFE)
    return change


def _key() -> str:
    return f"contact-change:{g.session.sid}"


def _code_page(change: PendingContactChange, form: CodeForm, status: int | None = None, **trouble: Any) -> Response:
    known = {"contact": change.contact.masked, "kind": change.kind, "proved": change.proved}
    return page("verify_contact", form, status, **known, **change.sent.shown(), **trouble)
