"""The field for a new password, with what is wrong about one in words."""

from typing import Any

from wtforms import PasswordField
from wtforms.validators import InputRequired

from idp.accounts import passwords
from idp.core.languages import _l

WEAK = {
    "min_length": _l("Minimal 8 karakter."),
    "lower": _l("Terdapat minimal satu huruf kecil."),
    "upper": _l("Terdapat minimal satu huruf besar."),
    "digit": _l("Terdapat minimal satu angka."),
    "symbol": _l("Terdapat salah satu simbol: ! @ # $ % ^ & *"),
    "too_long": _l("Maksimal 128 karakter."),
    "common": _l("Password ini terlalu sering dipakai orang. Pilih yang lain."),
    "personal": _l("Password tidak boleh memuat nama, NIK, email, atau nomor handphone Anda."),
}


class NewPasswordField(PasswordField):
    """A new password; the five rules of the seeds are checked by `accept`, which needs the person's own data."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, [InputRequired(_l("Buat password Anda."))], **options)

    def accept(self, personal: list[str]) -> bool:
        """Whether it may be used; else the field carries its errors."""
        try:
            passwords.check(self.data or "", personal)
        except passwords.WeakPassword as weak:
            self.errors = [WEAK[code] for code in weak.codes]
            return False
        return True
