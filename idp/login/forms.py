"""The forms of the sign-in page and of the second factor."""

from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import InputRequired

from idp.core import lifetimes
from idp.core.languages import _l
from idp.web.fields import CodeField, CurrentPasswordField, IdentifierField
from idp.web.forms import Form


class LoginForm(Form):
    """Identifier and password on one page."""

    identifier = IdentifierField(_l("NIK, email, atau nomor handphone"))
    password = CurrentPasswordField(_l("Password"))
    passkey_ready = HiddenField()  # filled in by our script where this device could keep a passkey


class AppCodeForm(Form):
    """The code that the authenticator app shows."""

    code = CodeField(_l("Kode dari aplikasi autentikator"))
    remember = BooleanField(_l("Ingat perangkat ini selama %(hari)s hari", hari=lifetimes.REMEMBERED_DEVICE.days))


class OldAppForm(Form):
    """The code that the app shows which was in use before a recovery."""

    code = CodeField(_l("Kode dari aplikasi autentikator"))


class RecoveryCodeForm(Form):
    """One of the ten codes on paper."""

    code = StringField(_l("Kode pemulihan"), [InputRequired(_l("Masukkan salah satu kode pemulihan Anda."))])


class PasskeyForm(Form):
    """What a device answered for a passkey, as JSON; filled in by our script."""

    credential = HiddenField()
    remember = BooleanField(_l("Ingat perangkat ini selama %(hari)s hari", hari=lifetimes.REMEMBERED_DEVICE.days))
