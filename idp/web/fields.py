"""Form fields that parse what a person typed into our value types, and say kindly what is wrong with it."""

from collections.abc import Callable, Sequence
from typing import Any

from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, StopValidation

from idp.core.languages import _, _l
from idp.core.values import EmailAddress, FullName, InvalidValue, Nik, PhoneNumber, parse_identifier

MESSAGES = {
    "nik_not_digits": _l("NIK hanya berisi angka. Lihat 16 angka pada KTP Anda."),
    "nik_length": _l("NIK terdiri dari 16 angka. Periksa kembali jumlahnya."),
    "nik_invalid": _l("NIK ini tidak mungkin benar. Periksa kembali setiap angkanya pada KTP Anda."),
    "phone_invalid": _l("Masukkan nomor handphone Indonesia, misalnya 0812 3456 7890."),
    "email_invalid": _l("Masukkan alamat email lengkap, misalnya nama@contoh.id."),
    "name_empty": _l("Masukkan nama lengkap seperti pada KTP."),
    "name_invalid": _l("Nama hanya berisi huruf, spasi, titik, koma, tanda hubung, dan petik."),
}
MAX_INPUT_LENGTH = 300  # characters that a field reads at all


class ParsedField(StringField):
    """A text field whose `value` is of a value type once the form has validated."""

    parse: Callable[[str], Any]

    def __init__(self, label: Any = None, validators: Sequence[Any] = (), **options: Any) -> None:
        super().__init__(label, [InputRequired(), *validators], **options)
        self.value: Any = None

    def pre_validate(self, form: Any) -> None:
        """Parses; a value that is not of its kind stops here with one sentence."""
        if not (self.data or "").strip():
            raise StopValidation(_("%(bagian)s perlu diisi.", bagian=self.label.text))
        try:
            self.value = type(self).parse(str(self.data)[:MAX_INPUT_LENGTH])
        except InvalidValue as invalid:
            raise StopValidation(self._message(invalid.code)) from None

    def _message(self, code: str) -> Any:
        return MESSAGES[code]


class NikField(ParsedField):
    """A NIK; `value` is a Nik."""

    parse = Nik.parse


class NameField(ParsedField):
    """A name; `value` is a FullName."""

    parse = FullName.parse


class PhoneField(ParsedField):
    """A handphone number; `value` is a PhoneNumber."""

    parse = PhoneNumber.parse


class EmailField(ParsedField):
    """An address; `value` is an EmailAddress."""

    parse = EmailAddress.parse


class IdentifierField(ParsedField):
    """What a person signs in with; `value` is a Nik, PhoneNumber or EmailAddress."""

    parse = staticmethod(parse_identifier)

    def _message(self, code: str) -> Any:
        return _l("Masukkan NIK 16 angka, email, atau nomor handphone.")


class CodeField(StringField):
    """A one-time code as typed; it is judged where it is kept."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, [InputRequired(_l("Masukkan 6 angka kode OTP."))], **options)


class CurrentPasswordField(PasswordField):
    """A password to be compared; never written back into a page."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, [InputRequired(_l("Masukkan password Anda."))], **options)
