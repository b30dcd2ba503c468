"""The forms of recovery, one a page, in the words of the seeds."""

from wtforms import PasswordField
from wtforms.validators import Length

from idp.accounts.fields import NewPasswordField
from idp.core.languages import _l
from idp.web.fields import EmailField, NameField, NikField, PhoneField
from idp.web.forms import Form


class PhoneForm(Form):
    """NIK and the number of the account."""

    nik = NikField(_l("Nomor Induk Kependudukan (NIK)"))
    contact = PhoneField(_l("Nomor Handphone"), name="phone")


class EmailForm(Form):
    """NIK and the address of the account."""

    nik = NikField(_l("Nomor Induk Kependudukan (NIK)"))
    contact = EmailField(_l("Alamat Email"), name="email")


class IdentityForm(Form):
    """The three facts, as on the KTP."""

    nik = NikField(_l("Nomor Induk Kependudukan (NIK)"), description=_l("Sesuai KTP."))
    name = NameField(_l("Nama lengkap"), description=_l("Sesuai KTP."))
    mothers_name = NameField(_l("Nama ibu kandung"), description=_l("Sesuai KTP. Data ini tidak kami simpan."))


class ContactForm(Form):
    """New contacts and a new password; and the previous one from those who still know it, which shortens the limits."""

    email = EmailField(_l("Alamat Email"))
    phone = PhoneField(_l("Nomor Handphone"))
    password = NewPasswordField(_l("Password baru"))
    old_password = PasswordField(
        _l("Password lama (tidak wajib)"),
        [Length(max=512)],
        description=_l("Jika Anda masih ingat, semua layanan lebih cepat tersedia kembali."),
    )


class PasswordForm(Form):
    """The new password, after the code of a known contact."""

    password = NewPasswordField(_l("Password baru"))
