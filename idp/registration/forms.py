"""The forms of registration, one a page, in the words of the seeds."""

from idp.accounts.fields import NewPasswordField
from idp.core.languages import _l
from idp.web.fields import EmailField, NameField, NikField, PhoneField
from idp.web.forms import Form


class IdentityForm(Form):
    """NIK, full name and mother's name, for the civil registry."""

    nik = NikField(_l("Nomor Induk Kependudukan (No. KTP)"))
    name = NameField(_l("Nama lengkap"))
    mothers_name = NameField(
        _l("Nama ibu kandung"),
        description=_l(
            "Kami tidak menyimpan data ibu kandung Anda. Data ini hanya digunakan untuk memverifikasi identitas Anda."
        ),
    )


class ContactForm(Form):
    """Where to reach the person, and the password."""

    email = EmailField(_l("Alamat Email"))
    phone = PhoneField(_l("Nomor Handphone"))
    password = NewPasswordField(_l("Password"))


class PhoneForm(Form):
    """Another mobile number in place of the one that was given."""

    phone = PhoneField(_l("Nomor Handphone"))
