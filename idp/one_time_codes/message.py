"""The message that brings a one-time code, by SMS or e-mail: what the code is for, how long it counts, and the warning."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from idp.core import languages, lifetimes
from idp.core.languages import _, _l
from idp.core.settings import settings
from idp.notices import letters
from idp.notices.letters import ComposedEmail

SMS_LENGTH = 160  # characters of GSM-7 that fit into one message

# What a code is for, as its message says: whoever is talked into reading it out hears what they would give away.
WHAT_FOR: dict[str, Any] = {
    "mfa": _l("masuk"),
    "registration": _l("mendaftar"),
    "facts": _l("memeriksa data"),
    "email-proof": _l("verifikasi email"),
    "contact-change": _l("kontak baru"),
    "contact-change-old": _l("perubahan kontak"),
}
WHAT_ELSE = _l("pemulihan akun")


@dataclass(frozen=True, slots=True)
class CodeMessage:
    """The message that brings a code for `purpose`; never printed."""

    code: str = field(repr=False)
    purpose: str

    def text(self, reader: str | None) -> str:
        """The SMS."""
        return sms_text(self.code, self.purpose, settings().issuer, reader)

    def letter(self, reader: str | None, name: str = "") -> ComposedEmail:
        """The e-mail."""
        return letters.one_time_code_email(self.code, what_for(self.purpose), lifetimes.ONE_TIME_CODE.minutes, reader, name)


def what_for(purpose: str) -> Any:
    """What a code of this purpose does, in a word or two; said in the language that is spoken when it is printed."""
    return WHAT_FOR.get(purpose, WHAT_ELSE)


def sms_text(code: str, purpose: str, issuer: str, reader: str | None = None) -> str:
    """At most 160 characters of GSM-7, in the language of `reader`, a tag, or else the default one.

    The last line lets phones fill the code in, at our own address only (WICG, origin-bound one-time codes). Where the name
    of our host leaves too little room, what the code is for is left out first, and then that line.
    """
    with languages.speaking(languages.find(reader) or languages.default()):
        facts = {"kode": code, "menit": lifetimes.ONE_TIME_CODE.minutes}
        named = _(
            "SIAPkerja: Kode OTP Anda %(kode)s untuk %(apa)s. Berlaku %(menit)s menit."
            " JANGAN berikan kepada siapa pun, termasuk petugas Kemnaker.",
            apa=what_for(purpose),
            **facts,
        )
        plain = _(
            "SIAPkerja: Kode OTP Anda %(kode)s. Berlaku %(menit)s menit."
            " JANGAN berikan kepada siapa pun, termasuk petugas Kemnaker.",
            **facts,
        )
    bound = f"\n@{urlsplit(issuer).hostname} #{code}"
    return next((text for text in (named + bound, plain + bound, named) if len(text) <= SMS_LENGTH), plain)
