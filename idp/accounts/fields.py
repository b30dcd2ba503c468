"""The field for a new password, with what is wrong about one in words."""

from typing import Any

from wtforms import PasswordField
from wtforms.validators import InputRequired

from idp.accounts import passwords
from idp.core.languages import _l


class NewPasswordField(PasswordField):
    """A new password; the rules are checked by `accept`, which needs the person's own data."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, [InputRequired(_l("Buat password Anda."))], **options)

    def accept(self, personal: list[str]) -> bool:
        """Whether it may be used; else the field carries its errors."""
        try:
            passwords.check(self.data or "", personal)
        except passwords.WeakPassword as weak:
            self.errors = [passwords.complaint(code) for code in weak.codes]
            return False
        return True
