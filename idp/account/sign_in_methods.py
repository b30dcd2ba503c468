"""Keamanan masuk: passkeys, authenticator app, recovery codes and remembered devices, as their owner sees and rules them."""

from typing import Any

import orjson
from flask import Response, g, request, url_for
from wtforms import HiddenField

from idp import authenticators
from idp.account.access import blueprint, go_on_here, page, second_factor_required, sign_in_required
from idp.authenticators import WrongFactor, passkeys, recovery_codes, remembered_devices, totp
from idp.core import clock, lifetimes
from idp.core.languages import _, _l
from idp.limits.rate_limits import TooManyAttempts
from idp.storage.redis_store import store
from idp.storage.sealing import Unsealable, sealer
from idp.web import requests, urls
from idp.web.fields import CodeField
from idp.web.forms import Form

CODES_SHOWN = (
    lifetimes.RECOVERY_CODES_SHOWN.seconds
)  # seconds that new recovery codes can be read again by the session that made them


class AppForm(Form):
    """Setting up an app: its key, sealed for this account (nothing is kept until the first code is right), and that code."""

    key = HiddenField()
    code = CodeField(_l("Kode dari aplikasi autentikator"))


class PasskeyForm(Form):
    """What the device answered, filled in by our script."""

    credential = HiddenField()


@blueprint.route("/methods")
@sign_in_required
def methods() -> Response:
    """What is there, and what can be done."""
    subject = g.account.subject
    enrolled = authenticators.enrolled_for(subject)
    keys = [(key, clock.from_timestamp(key.created_at), clock.from_timestamp(key.last_used_at or 0)) for key in enrolled.passkeys]
    known: dict[str, Any] = {"enrolled": enrolled, "keys": keys, "devices": remembered_devices.count(subject)}
    return page("methods", **known, passkeys_possible=passkeys.supported())


@blueprint.route("/methods/app", methods=["GET", "POST"])
@second_factor_required
def add_app() -> Response:
    """QR code, key, first code; then the recovery codes, if there are none."""
    subject, form = g.account.subject, AppForm()
    if authenticators.enrolled_for(subject).totp:
        return _back()
    key = _unsealed(subject, form.key.data) or totp.new_key()
    form.key.data = sealer().seal(key, _context(subject))
    if not form.validate_on_submit():
        return _app_page(form, key)
    try:
        totp.enrol(subject, key, form.code.data or "")
    except WrongFactor:
        form.code.errors = [_("Kode tidak cocok. Masukkan 6 angka yang sedang tampil di aplikasi.")]
        return _app_page(form, key)
    except TooManyAttempts as limit:
        return _app_page(form, key, 429, limited=limit.retry_after)
    except totp.AlreadyEnrolled:
        return _back()
    return _back() if authenticators.enrolled_for(subject).recovery_codes_left else _new_codes()


@blueprint.route("/methods/app/remove", methods=["GET", "POST"])
@second_factor_required
def remove_app() -> Response:
    """Removes the app, once it was asked whether that is meant."""
    if request.method != "POST":
        return page("remove_method", what=_("aplikasi autentikator"))
    return _removed(totp.remove(g.account.subject, g.session.authentication.generation, g.session.sid))


@blueprint.route("/methods/passkey", methods=["GET", "POST"])
@second_factor_required
def add_passkey() -> Response:
    """Creates a passkey in the browser and adds it to the account."""
    form, subject, context = PasskeyForm(), g.account.subject, f"account:{g.session.sid}"
    if not passkeys.supported():
        return _back()
    if form.validate_on_submit():
        try:
            passkeys.register(context, subject, form.credential.data or "", requests.device_name())
            return _back()
        except WrongFactor:
            form.form_errors.append(_("Passkey belum tersimpan. Coba lagi."))
    name = g.account.email.value if g.account.email else g.account.name.text
    return page("add_passkey", form, options=passkeys.creation_options(context, subject, name))


@blueprint.route("/methods/passkey/<passkey_id>/remove", methods=["GET", "POST"])
@second_factor_required
def remove_passkey(passkey_id: str) -> Response:
    """Removes a passkey, once it was asked whether that is meant."""
    subject = g.account.subject
    known = next((p for p in authenticators.enrolled_for(subject).passkeys if p.id == passkey_id), None)
    if known is None:
        return _back()
    if request.method != "POST":
        return page("remove_method", what=_("passkey %(nama)s", nama=known.label))
    return _removed(passkeys.remove(subject, passkey_id, g.session.authentication.generation, g.session.sid))


@blueprint.route("/methods/codes", methods=["GET", "POST"])
@second_factor_required
def codes() -> Response:
    """POST makes ten new recovery codes; GET shows them for ten minutes to the session that made them, else it offers to."""
    if request.method == "POST":
        return _new_codes()
    sealed = store().get(_new_codes_key())
    if sealed is None:
        return page("make_codes", left=authenticators.enrolled_for(g.account.subject).recovery_codes_left)
    try:
        known = orjson.loads(sealer().open(sealed.decode(), _new_codes_key()))
    except Unsealable:
        return _back()
    return page("codes", codes=known, owner=g.account.name.text)


@blueprint.route("/methods/devices/forget", methods=["POST"])
@sign_in_required
def forget_devices() -> Response:
    """Every browser gives the second factor again."""
    remembered_devices.forget_all(g.account.subject)
    return _back()


def _removed(generation: int | None) -> Response:
    """Back to what is left; without a second factor nothing of before counts, but for this browser's session."""
    return _back() if generation is None else go_on_here(_back(), generation)


def _new_codes() -> Response:
    made = recovery_codes.regenerate(g.account.subject)
    store().put(_new_codes_key(), sealer().seal(orjson.dumps(made).decode(), _new_codes_key()), CODES_SHOWN)
    return urls.see_other(url_for("account.codes"))


def _new_codes_key() -> str:
    return f"codes-shown:{g.session.sid}"


def _unsealed(subject: str, sealed: str | None) -> str | None:
    try:
        return sealer().open(sealed or "", _context(subject))
    except Unsealable:
        return None


def _context(subject: str) -> str:
    return f"account.app-key:{subject}"


def _app_page(form: AppForm, key: str, status: int | None = None, limited: int | None = None) -> Response:
    email = g.account.email
    uri = totp.provisioning_uri(key, email.masked if email else "SIAPkerja")
    shown = {"image": totp.qr_code_uri(uri), "uri": uri, "key": totp.grouped_key(key)}
    return page("add_app", form, status, limited=limited, **shown)


def _back() -> Response:
    return urls.see_other(url_for("account.methods"))
