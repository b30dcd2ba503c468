"""The words of each notice: what happened, when, and what to do if it was not you."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from babel.dates import format_datetime

from idp.core import clock
from idp.core.settings import settings
from idp.notices import letters
from idp.notices.letters import ComposedEmail, Link

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

    def letter(self, locale: str | None = None) -> ComposedEmail:
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
        f"SIAPkerja: password akun Anda diubah {sms_time(at)}.",
        "Password akun SIAPkerja Anda diubah / Your password was changed",
        [f"Password akun SIAPkerja Anda diubah pada {indonesian(at)}.", NOT_YOU_ID],
        [f"The password of your SIAPkerja account was changed on {english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: your password was changed {sms_time(at)}.",
    )


def contacts_changed(at: datetime) -> Notice:
    """To the old and the new contacts, after one was replaced."""
    return Notice(
        "contacts_changed",
        f"SIAPkerja: kontak untuk masuk ke akun Anda diubah {sms_time(at)}.",
        "Kontak akun SIAPkerja Anda diubah / Your contacts were changed",
        [f"Nomor handphone atau email akun SIAPkerja Anda diubah pada {indonesian(at)}.", NOT_YOU_ID],
        [f"The mobile number or e-mail of your SIAPkerja account was changed on {english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: your sign-in contacts were changed {sms_time(at)}.",
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
    said_id, said_en = AUTHENTICATOR_CHANGES[change]
    return Notice(
        "authenticators_changed",
        f"SIAPkerja: {sms_time(at)} {said_id}.",
        "Keamanan masuk akun SIAPkerja Anda berubah / How you sign in has changed",
        [f"Keamanan masuk akun SIAPkerja Anda berubah pada {indonesian(at)}: {said_id}.", NOT_YOU_ID],
        [f"How you sign in to your SIAPkerja account changed on {english(at)}: {said_en}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: {sms_time(at)} {said_en}.",
    )


def new_device(at: datetime, device: str) -> Notice:
    """To all contacts, after a sign-in from a browser that this account was never used in; `device` names no place."""
    plain = device.replace(" · ", ", ")  # an SMS of 160 characters knows no middle dot (GSM 03.38)
    return Notice(
        "new_device",
        f"SIAPkerja: akun Anda masuk dari perangkat baru ({plain}) {sms_time(at)}.",
        "Masuk dari perangkat baru / Sign-in from a new device",
        [f"Akun SIAPkerja Anda masuk dari perangkat yang belum pernah dipakai, {device}, pada {indonesian(at)}.", NOT_YOU_ID],
        [f"Your SIAPkerja account was signed in to from a device new to it, {device}, on {english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: sign-in from a new device ({plain}) {sms_time(at)}.",
    )


def signed_out_everywhere(at: datetime) -> Notice:
    """To all contacts, after every session of the account was ended."""
    return Notice(
        "signed_out_everywhere",
        f"SIAPkerja: akun Anda dikeluarkan dari semua perangkat {sms_time(at)}.",
        "Keluar dari semua perangkat / Signed out everywhere",
        [f"Akun SIAPkerja Anda dikeluarkan dari semua perangkat dan layanan pada {indonesian(at)}.", NOT_YOU_ID],
        [f"Your SIAPkerja account was signed out of all devices and services on {english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: your account was signed out of all devices {sms_time(at)}.",
    )


def account_locked(at: datetime) -> Notice:
    """To all contacts, after an officer locked the account."""
    return Notice(
        "account_locked",
        f"SIAPkerja: akun Anda dikunci petugas {sms_time(at)} demi keamanan.",
        "Akun SIAPkerja Anda dikunci / Your account was locked",
        [f"Petugas mengunci akun SIAPkerja Anda pada {indonesian(at)} demi keamanan.", HELP_ID],
        [f"An officer locked your SIAPkerja account on {english(at)} to keep it safe.", HELP_EN],
        sms_english=f"SIAPkerja: an officer locked your account {sms_time(at)} to keep it safe.",
    )


def account_unlocked(at: datetime) -> Notice:
    """To all contacts, after an officer lifted the lock."""
    return Notice(
        "account_unlocked",
        f"SIAPkerja: kunci akun Anda dibuka petugas {sms_time(at)}.",
        "Kunci akun SIAPkerja Anda dibuka / Your account was unlocked",
        [f"Petugas membuka kunci akun SIAPkerja Anda pada {indonesian(at)}. Anda dapat masuk kembali.", NOT_YOU_ID],
        [f"An officer unlocked your SIAPkerja account on {english(at)}. You can sign in again.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: an officer unlocked your account {sms_time(at)}.",
    )


_CORRECTED = {
    "name": ("nama pada akun Anda diperbaiki sesuai Dukcapil", "the name of your account was corrected as at Dukcapil"),
    "assured": ("identitas Anda ditandai sudah diperiksa langsung", "your identity was marked as checked in person"),
    "withdrawn": ("tanda pemeriksaan langsung dicabut", "the mark of a check in person was withdrawn"),
}


def data_corrected(what: str, at: datetime) -> Notice:
    """To all contacts, after an officer corrected the `name`, or marked the person as `assured`, or no longer (`withdrawn`)."""
    said_id, said_en = _CORRECTED[what]
    return Notice(
        "data_corrected",
        f"SIAPkerja: {sms_time(at)} {said_id} oleh petugas.",
        "Data akun SIAPkerja Anda diubah petugas / An officer changed your data",
        [f"Pada {indonesian(at)} {said_id} oleh petugas.", NOT_YOU_ID],
        [f"On {english(at)} {said_en} by an officer.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: {sms_time(at)} {said_en} by an officer.",
    )


def deletion_requested(at: datetime, until: datetime) -> Notice:
    """To all contacts, after deletion was asked for; until `until` signing in cancels it."""
    return Notice(
        "deletion_requested",
        f"SIAPkerja: akun Anda akan dihapus {sms_time(until)}. Masuk sebelum itu untuk membatalkan.",
        "Akun SIAPkerja Anda akan dihapus / Your account will be deleted",
        [
            f"Pada {indonesian(at)} penghapusan akun SIAPkerja Anda diminta. Akun dihapus pada {indonesian(until)}.",
            f"Masuklah sebelum itu untuk membatalkan. {NOT_YOU_ID}",
        ],
        [
            f"On {english(at)} deletion of your SIAPkerja account was asked for. It will be deleted on {english(until)}.",
            f"Sign in before then to cancel it. {NOT_YOU_EN}",
        ],
        sms_english=f"SIAPkerja: your account will be deleted {sms_time(until)}. Sign in before then to cancel.",
    )


def deletion_cancelled(at: datetime) -> Notice:
    """To all contacts, after the deletion was called off."""
    return Notice(
        "deletion_cancelled",
        f"SIAPkerja: penghapusan akun Anda dibatalkan {sms_time(at)}.",
        "Penghapusan akun SIAPkerja dibatalkan / The deletion was cancelled",
        [f"Penghapusan akun SIAPkerja Anda dibatalkan pada {indonesian(at)}. Akun Anda tetap ada.", NOT_YOU_ID],
        [f"The deletion of your SIAPkerja account was cancelled on {english(at)}. Your account stays.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: the deletion of your account was cancelled {sms_time(at)}.",
    )


def account_deleted(at: datetime) -> Notice:
    """To all contacts, after the account was erased: the last one."""
    return Notice(
        "account_deleted",
        f"SIAPkerja: akun Anda sudah dihapus {sms_time(at)}.",
        "Akun SIAPkerja Anda sudah dihapus / Your account has been deleted",
        [
            f"Akun SIAPkerja Anda dihapus pada {indonesian(at)}, seperti yang diminta. Data Anda tidak kami simpan lagi.",
            "Anda dapat mendaftar kembali kapan saja.",
        ],
        [
            f"Your SIAPkerja account was deleted on {english(at)}, as was asked for. We no longer keep your data.",
            "You can register again at any time.",
        ],
        sms_english=f"SIAPkerja: your account was deleted {sms_time(at)}.",
    )


def data_exported(at: datetime) -> Notice:
    """To all contacts, after all data of the account was downloaded."""
    return Notice(
        "data_exported",
        f"SIAPkerja: data akun Anda diunduh {sms_time(at)}.",
        "Data akun SIAPkerja Anda diunduh / Your data was downloaded",
        [f"Seluruh data akun SIAPkerja Anda diunduh pada {indonesian(at)}.", NOT_YOU_ID],
        [f"All data of your SIAPkerja account was downloaded on {english(at)}.", NOT_YOU_EN],
        sms_english=f"SIAPkerja: the data of your account was downloaded {sms_time(at)}.",
    )


_TAKEN = {
    "nik": ("NIK Anda", "your NIK"),
    "phone": ("nomor handphone ini", "this mobile number"),
    "email": ("email ini", "this e-mail address"),
}


def registration_attempt(what: str, at: datetime) -> Notice:
    """To the owner of a `nik`, `phone` or `email` that somebody tried to register again."""
    said_id, said_en = _TAKEN[what]
    return Notice(
        "registration_attempt",
        f"SIAPkerja: {sms_time(at)} ada yang mencoba mendaftar dengan {said_id}. Akun Anda tetap aman.",
        "Percobaan pendaftaran akun SIAPkerja / Somebody tried to register",
        [
            f"Pada {indonesian(at)} ada yang mencoba mendaftar di SIAPkerja dengan {said_id}, yang sudah memiliki akun.",
            "Jika ini Anda, silakan Masuk atau buka Kendala Masuk ke Akun? Jika bukan, akun Anda tetap aman.",
        ],
        [
            f"On {english(at)} somebody tried to register at SIAPkerja with {said_en}, which already has an account.",
            "If it was you, please sign in or recover your account. If not, your account is safe.",
        ],
        sms_english=f"SIAPkerja: {sms_time(at)} somebody tried to register with {said_en}. Your account is safe.",
    )


def contact_attempt(what: str, at: datetime) -> Notice:
    """To the owner of a `phone` or `email` that somebody tried to give to another account."""
    said_id, said_en = _TAKEN[what]
    return Notice(
        "contact_attempt",
        f"SIAPkerja: {sms_time(at)} ada yang mencoba memakai {said_id} di akun lain. Akun Anda aman.",
        "Percobaan memakai kontak Anda / Somebody tried to use your contact",
        [
            f"Pada {indonesian(at)} ada yang mencoba memakai {said_id}, yang terhubung ke akun Anda, untuk akun lain.",
            "Permintaan itu tidak berhasil, dan akun Anda tetap aman.",
        ],
        [
            f"On {english(at)} somebody tried to use {said_en}, which belongs to your account, for another account.",
            "They did not succeed, and your account is safe.",
        ],
        sms_english=f"SIAPkerja: {sms_time(at)} somebody tried to use {said_en} elsewhere. Your account is safe.",
    )


def _not_you_url() -> str:
    return settings().issuer + NOT_YOU_PATH


def sms_time(at: datetime) -> str:
    """Day and time for an SMS, in WIB."""
    return clock.wib(at).strftime("%d/%m %H.%M WIB")


def indonesian(at: datetime) -> str:
    """Day and time in Indonesian words, in WIB."""
    return format_datetime(clock.wib(at), "d MMMM y 'pukul' HH.mm", locale="id") + " WIB"


def english(at: datetime) -> str:
    """Day and time in English words, in WIB."""
    return format_datetime(clock.wib(at), "d MMMM y, HH:mm", locale="en") + " WIB"
