"""The form of the sign-in page."""

from idp.extensions import _l
from idp.fields import CurrentPasswordField, IdentifierField
from idp.forms import Form


class LoginForm(Form):
    """Identifier and password on one page."""

    identifier = IdentifierField(_l("NIK, email, atau nomor handphone"))
    password = CurrentPasswordField(_l("Password"))
