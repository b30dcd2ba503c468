"""Value types, parsed once at the edge: a string inside the house is never a NIK, a number or an address."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, ClassVar, Self

import phonenumbers

ACR_DATA = "urn:siapkerja:acr:data"
ACR_FULL = "urn:siapkerja:acr:penuh"
ACR_RECOVERED = "urn:siapkerja:acr:pemulihan"
ACR_MFA = "urn:siapkerja:acr:mfa"
ACCOUNT_CLIENT = "siapkerja-account"  # the account's own pages, to the protocol
ACR_VALUES = (ACR_DATA, ACR_FULL, ACR_MFA)  # what may be asked for


class InvalidValue(ValueError):
    """What was typed is not of its kind; `code` says why and never repeats what was typed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def mask(text: str) -> str:
    """First two characters, five stars, last four: the mask of the seeds."""
    return f"{text[:2]}*****{text[-4:]}"


@dataclass(frozen=True, slots=True)
class _Personal:
    value: str = field(repr=False)

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    @property
    def masked(self) -> str:
        """What may be shown of it."""
        return mask(self.value)


@dataclass(frozen=True, slots=True, repr=False)
class Nik(_Personal):
    """Nomor Induk Kependudukan: 16 digits, six of district, six of birth date (women + 40), four of serial."""

    kind: ClassVar[str] = "nik"
    __str__ = _Personal.__str__

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads what a person typed, spaces, dots and dashes allowed; raises InvalidValue."""
        digits = re.sub(r"[\s.\-]", "", unicodedata.normalize("NFKC", text))
        if not digits or not digits.isascii() or not digits.isdigit():
            raise InvalidValue("nik_not_digits")
        if len(digits) != 16:
            raise InvalidValue("nik_length")
        day, month, serial = int(digits[6:8]), int(digits[8:10]), digits[12:]
        if not (1 <= day <= 31 or 41 <= day <= 71) or not 1 <= month <= 12 or serial == "0000":
            raise InvalidValue("nik_invalid")
        return cls(digits)

    @property
    def gender(self) -> str:
        """`male` or `female`, as OpenID Connect Core 5.1 spells them."""
        return "female" if int(self.value[6:8]) > 40 else "male"

    def birthdate(self, today: date) -> date | None:
        """The date that the number encodes, in the latest century that lies in the past; None for 31 February."""
        day, month, year = int(self.value[6:8]) % 40, int(self.value[8:10]), int(self.value[10:12])
        century = 2000 if year <= today.year % 100 else 1900
        try:
            return date(century + year, month, day)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, repr=False)
class PhoneNumber(_Personal):
    """An Indonesian mobile number in E.164, +62 8…; no other number ever gets an SMS from us."""

    kind: ClassVar[str] = "phone"
    channel: ClassVar[str] = "sms"
    __str__ = _Personal.__str__

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads 0812…, 62812…, +62 812-…; raises InvalidValue."""
        try:
            number = phonenumbers.parse(unicodedata.normalize("NFKC", text).strip(), "ID")
        except phonenumbers.NumberParseException:
            raise InvalidValue("phone_invalid") from None
        national = str(number.national_number)
        if number.country_code != 62 or not re.fullmatch(r"8\d{8,11}", national) or number.extension:
            raise InvalidValue("phone_invalid")
        return cls(f"+62{national}")

    @property
    def local(self) -> str:
        """As people in Indonesia write it: 0812…"""
        return "0" + self.value[3:]

    @property
    def masked(self) -> str:
        return mask(self.local)


_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")


@dataclass(frozen=True, slots=True, repr=False)
class EmailAddress(_Personal):
    """An e-mail address that our SMTP gateway can deliver to (ASCII local part, DNS domain)."""

    kind: ClassVar[str] = "email"
    channel: ClassVar[str] = "mail"
    __str__ = _Personal.__str__

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads an address, the whole lower-cased: no provider that citizens use tells case apart; raises InvalidValue."""
        cleaned = unicodedata.normalize("NFKC", text).strip()
        if len(cleaned) > 254 or not _EMAIL.fullmatch(cleaned) or ".." in cleaned or cleaned.startswith("."):
            raise InvalidValue("email_invalid")
        return cls(cleaned.lower())

    @property
    def masked(self) -> str:
        local, _, domain = self.value.partition("@")
        return f"{local[:1]}*****@{domain}"


# Where a person can be told something. Each knows its `kind`, as the tables, the limits and the indexes call it, and the
# `channel` that its messages go by.
ContactValue = PhoneNumber | EmailAddress
_CONTACTS: tuple[type[PhoneNumber], type[EmailAddress]] = (PhoneNumber, EmailAddress)


def contact_of_kind(kind: str, value: str) -> ContactValue:
    """The contact of a kind from its stored value; raises KeyError for another kind."""
    return {contact.kind: contact for contact in _CONTACTS}[kind](value)


def contact_of_channel(channel: str, value: str) -> ContactValue:
    """The contact that is reached by a channel, from its stored value; raises KeyError for another channel."""
    return {contact.channel: contact for contact in _CONTACTS}[channel](value)


@dataclass(frozen=True, slots=True, repr=False)
class FullName(_Personal):
    """A person's name as on the KTP, spacing tidied; compared at Dukcapil only, never here."""

    __str__ = _Personal.__str__

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a name of at most 100 characters with at least one letter and no control characters; raises InvalidValue."""
        cleaned = " ".join(unicodedata.normalize("NFKC", text).split())
        if not cleaned:
            raise InvalidValue("name_empty")
        if len(cleaned) > 100 or any(unicodedata.category(c)[0] == "C" for c in cleaned):
            raise InvalidValue("name_invalid")
        if not any(c.isalpha() for c in cleaned) or re.search(r"[\d<>@{}]", cleaned):
            raise InvalidValue("name_invalid")
        return cls(cleaned)

    @property
    def text(self) -> str:
        """The name, for the one who may see it."""
        return self.value

    @property
    def masked(self) -> str:
        return self.value[:1] + "*****"


def parse_identifier(text: str) -> Nik | PhoneNumber | EmailAddress:
    """What a person signs in with: an address if it has an @, a NIK if it has 16 digits, else a handphone number."""
    if "@" in text:
        return EmailAddress.parse(text)
    if len(re.sub(r"\D", "", text)) == 16:
        return Nik.parse(text)
    return PhoneNumber.parse(text)


@dataclass(frozen=True, slots=True)
class Authentication:
    """The event of having signed in: whose account (its subject), how (RFC 8176), when (epoch seconds), how surely.

    During probation after a recovery: when that was, and until when more than `acr` cannot be reached; else 0.
    `generation` is the account's when it was proved: the event counts as long as the account is in that generation.
    """

    account: str
    amr: tuple[str, ...]
    auth_time: int
    acr: str
    recovered_at: int = 0
    limited_until: int = 0
    generation: int = 0

    def with_second_factor(self, amr: tuple[str, ...]) -> Self:
        """The same, a second factor given as well (RFC 8176): when, stays the time of the first."""
        told = dict.fromkeys((*self.amr, *amr, "mfa"))
        return replace(self, amr=tuple(told))

    def to_dict(self) -> dict[str, Any]:
        """As the store keeps it."""
        known: dict[str, Any] = {"account": self.account, "amr": list(self.amr), "auth_time": self.auth_time, "acr": self.acr}
        known["generation"] = self.generation
        limited = {"recovered_at": self.recovered_at, "limited_until": self.limited_until}
        return known | limited if self.recovered_at else known

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        limited = data.get("recovered_at", 0), data.get("limited_until", 0)
        generation = data.get("generation", 0)
        return cls(data["account"], tuple(data["amr"]), data["auth_time"], data["acr"], *limited, generation)
