"""The words of each notice: what happened, when, and what to do if it was not you."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from babel.dates import format_datetime

from idp import clock, letters
from idp.config import settings
from idp.letters import Letter, Link
from idp.values import PhoneNumber

NOT_YOU_ID = "Jika ini bukan Anda, segera buka tautan di bawah ini: di sana tertulis apa yang harus dilakukan."
NOT_YOU_EN = "If this was not you, open the link below at once: it says what to do."
HELP_ID = "Untuk membukanya kembali, hubungi layanan Kemnaker. Tautan di bawah ini menjelaskan caranya."
HELP_EN = "To have it unlocked, contact the ministry's service desk. The link below says how."
NOT_YOU_PATH = "/bukan-saya"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told: `kind` for limits and audit, one SMS in each language, and the parts of one e-mail.

    `subject` is "Indonesian / English". A notice without a `link` of its own leads to the page for "this was not me",
    in the e-mail and behind the words of the SMS.
    """

    kind: str
    sms: str
    subject: str
    indonesian: list[str]
    english: list[str]
    link: Link | None = None
    sms_english: str = ""

    def text(self, locale: str | None) -> str:
        """The SMS, in Indonesian unless the account's `locale` is English."""
        said, ask = (self.sms_english, "Not you?") if locale == "en" and self.sms_english else (self.sms, "Bukan Anda?")
        return said if self.link else f"{said} {ask} {_not_you_url()}"

    def letter(self, locale: str | None = None) -> Letter:
        """The e-mail, in the account's `locale`; in both languages where that is not known."""
        link = self.link or Link(_not_you_url(), "Bukan saya", "This was not me")
        first, _, second = self.subject.partition(" / ")
        subject = {"id": first, "en": second or first}.get(locale or "", self.subject)
        return letters.compose(subject, self.indonesian, self.english, link, locale)

    def to_dict(self) -> dict[str, Any]:
        """For the outbox, which is sealed."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The reverse of `to_dict`."""
        return cls(**data | {"link": Link(**data["link"]) if data["link"] else None})


def password_changed(at: datetime) -> Notice:
    """To all contacts, after the password changed."""
    return Notice(
        "password_changed",
        f"SIAPkerja: password akun Anda diubah {_short(at)}.",
        "Password akun SIAPkerja Anda diubah / Your password was changed",
        [f"Password akun SIAPkerja Anda diubah pada {_indonesian(at)}.", NOT_YOU_ID],
        [f"The password of your SIAPkerja account was changed on {_english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: your password was changed {_short(at)}.",
    )


def contacts_changed(at: datetime) -> Notice:
    """To the old and the new contacts, after one was replaced."""
    return Notice(
        "contacts_changed",
        f"SIAPkerja: kontak untuk masuk ke akun Anda diubah {_short(at)}.",
        "Kontak akun SIAPkerja Anda diubah / Your contacts were changed",
        [f"Nomor handphone atau email akun SIAPkerja Anda diubah pada {_indonesian(at)}.", NOT_YOU_ID],
        [f"The handphone number or e-mail of your SIAPkerja account was changed on {_english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: your sign-in contacts were changed {_short(at)}.",
    )


AUTHENTICATOR_CHANGES = {
    "totp_added": ("aplikasi autentikator ditambahkan", "an authenticator app was added"),
    "totp_removed": ("aplikasi autentikator dihapus", "the authenticator app was removed"),
    "passkey_added": ("kunci sandi (passkey) ditambahkan", "a passkey was added"),
    "passkey_removed": ("kunci sandi (passkey) dihapus", "a passkey was removed"),
    "recovery_codes_made": ("kode pemulihan baru dibuat", "new recovery codes were made"),
    "recovery_code_used": ("satu kode pemulihan dipakai untuk masuk", "a recovery code was used to sign in"),
}


def authenticators_changed(change: str, at: datetime) -> Notice:
    """To all contacts, after the ways to sign in changed; `change` is what authenticators_changed was sent with."""
    indonesian, english = AUTHENTICATOR_CHANGES[change]
    return Notice(
        "authenticators_changed",
        f"SIAPkerja: {_short(at)} {indonesian}.",
        "Keamanan masuk akun SIAPkerja Anda berubah / How you sign in has changed",
        [f"Keamanan masuk akun SIAPkerja Anda berubah pada {_indonesian(at)}: {indonesian}.", NOT_YOU_ID],
        [f"How you sign in to your SIAPkerja account changed on {_english(at)}: {english}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: {_short(at)} {english}.",
    )


def recovery_started(at: datetime) -> Notice:
    """To all contacts, as soon as somebody gave the three facts of this account's person."""
    return Notice(
        "recovery_started",
        f"SIAPkerja: pemulihan akun Anda dimulai {_short(at)} dengan data identitas.",
        "Pemulihan akun SIAPkerja Anda dimulai / A recovery of your account was started",
        [f"Seseorang memulai pemulihan akun SIAPkerja Anda pada {_indonesian(at)} dengan data identitas Anda.", NOT_YOU_ID],
        [f"Somebody started a recovery of your SIAPkerja account on {_english(at)} with your identity data.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: a recovery of your account was started {_short(at)} with your identity data.",
    )


def recovered(at: datetime, new_phone: PhoneNumber, veto_url: str) -> Notice:
    """To all old contacts, after an identity recovery; the link opens the page that cancels it (veto)."""
    return Notice(
        "recovered",
        f"SIAPkerja: akun Anda dipulihkan dengan nomor {new_phone.masked}. Bukan Anda? Batalkan: {veto_url}",
        "Akun SIAPkerja Anda dipulihkan / Your account was recovered",
        [f"Akun SIAPkerja Anda dipulihkan pada {_indonesian(at)} dengan nomor {new_phone.masked}.", "Apakah ini Anda?"],
        [f"Your SIAPkerja account was recovered on {_english(at)} with the number {new_phone.masked}.", "Was this you?"],
        Link(veto_url, "Bukan saya, batalkan", "Not me, cancel it"),
        sms_english=f"SIAPkerja: your account was recovered with the number {new_phone.masked}. Not you? Cancel it: {veto_url}",
    )


def identity_recovered(at: datetime, new_phone: PhoneNumber) -> Notice:
    """To all old contacts, after an identity recovery while there is no veto yet: it says what the owner can do."""
    return Notice(
        "recovered",
        f"SIAPkerja: akun Anda dipulihkan {_short(at)} dengan nomor {new_phone.masked}.",
        "Akun SIAPkerja Anda dipulihkan / Your account was recovered",
        [f"Akun SIAPkerja Anda dipulihkan pada {_indonesian(at)} dengan nomor {new_phone.masked}.", NOT_YOU_ID],
        [f"Your SIAPkerja account was recovered on {_english(at)} with the number {new_phone.masked}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: your account was recovered {_short(at)} with the number {new_phone.masked}.",
    )


def new_device(at: datetime, device: str) -> Notice:
    """To all contacts, after a sign-in from a browser that this account was never used in; `device` names no place."""
    short = device.replace(" · ", ", ")  # an SMS of 160 characters knows no middle dot (GSM 03.38)
    return Notice(
        "new_device",
        f"SIAPkerja: akun Anda masuk dari perangkat baru ({short}) {_short(at)}.",
        "Masuk dari perangkat baru / Sign-in from a new device",
        [f"Akun SIAPkerja Anda masuk dari perangkat yang belum pernah dipakai, {device}, pada {_indonesian(at)}.", NOT_YOU_ID],
        [f"Your SIAPkerja account was signed in to from a device new to it, {device}, on {_english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: sign-in from a new device ({short}) {_short(at)}.",
    )


def signed_out_everywhere(at: datetime) -> Notice:
    """To all contacts, after every session of the account was ended."""
    return Notice(
        "signed_out_everywhere",
        f"SIAPkerja: akun Anda dikeluarkan dari semua perangkat {_short(at)}.",
        "Keluar dari semua perangkat / Signed out everywhere",
        [f"Akun SIAPkerja Anda dikeluarkan dari semua perangkat dan layanan pada {_indonesian(at)}.", NOT_YOU_ID],
        [f"Your SIAPkerja account was signed out of all devices and services on {_english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: your account was signed out of all devices {_short(at)}.",
    )


def account_locked(at: datetime) -> Notice:
    """To all contacts, after an officer locked the account."""
    return Notice(
        "account_locked",
        f"SIAPkerja: akun Anda dikunci petugas {_short(at)} demi keamanan.",
        "Akun SIAPkerja Anda dikunci / Your account was locked",
        [f"Petugas mengunci akun SIAPkerja Anda pada {_indonesian(at)} demi keamanan.", HELP_ID],
        [f"An officer locked your SIAPkerja account on {_english(at)} to keep it safe.", HELP_EN],
        sms_english=f"SIAPkerja: an officer locked your account {_short(at)} to keep it safe.",
    )


def account_unlocked(at: datetime) -> Notice:
    """To all contacts, after an officer lifted the lock."""
    return Notice(
        "account_unlocked",
        f"SIAPkerja: kunci akun Anda dibuka petugas {_short(at)}.",
        "Kunci akun SIAPkerja Anda dibuka / Your account was unlocked",
        [f"Petugas membuka kunci akun SIAPkerja Anda pada {_indonesian(at)}. Anda dapat masuk kembali.", NOT_YOU_ID],
        [f"An officer unlocked your SIAPkerja account on {_english(at)}. You can sign in again.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: an officer unlocked your account {_short(at)}.",
    )


def deletion_requested(at: datetime, until: datetime) -> Notice:
    """To all contacts, after deletion was asked for; until `until` signing in cancels it."""
    return Notice(
        "deletion_requested",
        f"SIAPkerja: akun Anda akan dihapus {_short(until)}. Masuk sebelum itu untuk membatalkan.",
        "Akun SIAPkerja Anda akan dihapus / Your account will be deleted",
        [
            f"Pada {_indonesian(at)} penghapusan akun SIAPkerja Anda diminta. Akun dihapus pada {_indonesian(until)}.",
            f"Masuklah sebelum itu untuk membatalkan. {NOT_YOU_ID}",
        ],
        [
            f"On {_english(at)} deletion of your SIAPkerja account was asked for. It will be deleted on {_english(until)}.",
            f"Sign in before then to cancel it. {NOT_YOU_EN}",
        ],
        sms_english=f"SIAPkerja: your account will be deleted {_short(until)}. Sign in before then to cancel.",
    )


def deletion_cancelled(at: datetime) -> Notice:
    """To all contacts, after the deletion was called off."""
    return Notice(
        "deletion_cancelled",
        f"SIAPkerja: penghapusan akun Anda dibatalkan {_short(at)}.",
        "Penghapusan akun SIAPkerja dibatalkan / The deletion was cancelled",
        [f"Penghapusan akun SIAPkerja Anda dibatalkan pada {_indonesian(at)}. Akun Anda tetap ada.", NOT_YOU_ID],
        [f"The deletion of your SIAPkerja account was cancelled on {_english(at)}. Your account stays.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: the deletion of your account was cancelled {_short(at)}.",
    )


_TAKEN = {
    "nik": ("NIK Anda", "your NIK"),
    "phone": ("nomor handphone ini", "this handphone number"),
    "email": ("email ini", "this e-mail address"),
}


def registration_attempt(what: str, at: datetime) -> Notice:
    """To the owner of a `nik`, `phone` or `email` that somebody tried to register again."""
    indonesian, english = _TAKEN[what]
    return Notice(
        "registration_attempt",
        f"SIAPkerja: {_short(at)} ada yang mencoba mendaftar dengan {indonesian}. Akun Anda tetap aman.",
        "Percobaan pendaftaran akun SIAPkerja / Somebody tried to register",
        [
            f"Pada {_indonesian(at)} ada yang mencoba mendaftar di SIAPkerja dengan {indonesian}, yang sudah memiliki akun.",
            "Jika ini Anda, silakan Masuk atau buka Kendala Masuk ke Akun? Jika bukan, akun Anda tetap aman.",
        ],
        [
            f"On {_english(at)} somebody tried to register at SIAPkerja with {english}, which already has an account.",
            "If it was you, please sign in or recover your account. If not, your account is safe.",
        ],
        sms_english=f"SIAPkerja: {_short(at)} somebody tried to register with {english}. Your account is safe.",
    )


def _not_you_url() -> str:
    return settings().issuer + NOT_YOU_PATH


def _short(at: datetime) -> str:
    return clock.wib(at).strftime("%d/%m %H.%M WIB")


def _indonesian(at: datetime) -> str:
    return format_datetime(clock.wib(at), "d MMMM y 'pukul' HH.mm", locale="id") + " WIB"


def _english(at: datetime) -> str:
    return format_datetime(clock.wib(at), "d MMMM y, HH:mm", locale="en") + " WIB"
