"""The words of each notice: what happened, when, and what to do if it was not you."""

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_datetime

from idp import clock, letters
from idp.letters import Letter, Link
from idp.values import PhoneNumber

NOT_YOU_ID = "Jika ini bukan Anda, segera buka Kendala Masuk ke Akun? di halaman Masuk SIAPkerja."
NOT_YOU_EN = "If this was not you, open “Trouble signing in?” on the SIAPkerja sign-in page at once."


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told: `kind` for limits and audit, one SMS, and the parts of one e-mail."""

    kind: str
    sms: str
    subject: str
    indonesian: list[str]
    english: list[str]
    link: Link | None = None

    def letter(self) -> Letter:
        """The e-mail."""
        return letters.compose(self.subject, self.indonesian, self.english, self.link)


def password_changed(at: datetime) -> Notice:
    """To all contacts, after the password changed."""
    return Notice(
        "password_changed",
        f"SIAPkerja: password akun Anda diubah {_short(at)}. Bukan Anda? Buka Kendala Masuk ke Akun? di halaman Masuk.",
        "Password akun SIAPkerja Anda diubah / Your password was changed",
        [f"Password akun SIAPkerja Anda diubah pada {_indonesian(at)}.", NOT_YOU_ID],
        [f"The password of your SIAPkerja account was changed on {_english(at)}.", NOT_YOU_EN],
    )


def contacts_changed(at: datetime) -> Notice:
    """To the old and the new contacts, after one was replaced."""
    return Notice(
        "contacts_changed",
        f"SIAPkerja: kontak untuk masuk ke akun Anda diubah {_short(at)}. Bukan Anda? Buka Kendala Masuk ke Akun?",
        "Kontak akun SIAPkerja Anda diubah / Your contacts were changed",
        [f"Nomor handphone atau email akun SIAPkerja Anda diubah pada {_indonesian(at)}.", NOT_YOU_ID],
        [f"The handphone number or e-mail of your SIAPkerja account was changed on {_english(at)}.", NOT_YOU_EN],
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
        f"SIAPkerja: {_short(at)} {indonesian}. Bukan Anda? Buka Kendala Masuk ke Akun? di halaman Masuk.",
        "Keamanan masuk akun SIAPkerja Anda berubah / How you sign in has changed",
        [f"Keamanan masuk akun SIAPkerja Anda berubah pada {_indonesian(at)}: {indonesian}.", NOT_YOU_ID],
        [f"How you sign in to your SIAPkerja account changed on {_english(at)}: {english}.", NOT_YOU_EN],
    )


def recovery_started(at: datetime) -> Notice:
    """To all contacts, as soon as somebody gave the three facts of this account's person."""
    return Notice(
        "recovery_started",
        f"SIAPkerja: pemulihan akun Anda dimulai {_short(at)} dengan data identitas. Bukan Anda? Segera masuk dan ubah password.",
        "Pemulihan akun SIAPkerja Anda dimulai / A recovery of your account was started",
        [f"Seseorang memulai pemulihan akun SIAPkerja Anda pada {_indonesian(at)} dengan data identitas Anda.", NOT_YOU_ID],
        [f"Somebody started a recovery of your SIAPkerja account on {_english(at)} with your identity data.", NOT_YOU_EN],
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
    )


def identity_recovered(at: datetime, new_phone: PhoneNumber) -> Notice:
    """To all old contacts, after an identity recovery while there is no veto yet: it says what the owner can do."""
    return Notice(
        "recovered",
        f"SIAPkerja: akun Anda dipulihkan {_short(at)} dengan nomor {new_phone.masked}. Bukan Anda? Hubungi layanan Kemnaker.",
        "Akun SIAPkerja Anda dipulihkan / Your account was recovered",
        [f"Akun SIAPkerja Anda dipulihkan pada {_indonesian(at)} dengan nomor {new_phone.masked}.", NOT_YOU_ID],
        [f"Your SIAPkerja account was recovered on {_english(at)} with the number {new_phone.masked}.", NOT_YOU_EN],
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
        f"SIAPkerja: {_short(at)} ada yang mencoba mendaftar dengan {indonesian}. Akun Anda tetap aman. Bukan Anda? Abaikan.",
        "Percobaan pendaftaran akun SIAPkerja / Somebody tried to register",
        [
            f"Pada {_indonesian(at)} ada yang mencoba mendaftar di SIAPkerja dengan {indonesian}, yang sudah memiliki akun.",
            "Jika ini Anda, silakan Masuk atau buka Kendala Masuk ke Akun? Jika bukan, akun Anda tetap aman.",
        ],
        [
            f"On {_english(at)} somebody tried to register at SIAPkerja with {english}, which already has an account.",
            "If it was you, please sign in or recover your account. If not, your account is safe.",
        ],
    )


def _short(at: datetime) -> str:
    return clock.wib(at).strftime("%d/%m %H.%M WIB")


def _indonesian(at: datetime) -> str:
    return format_datetime(clock.wib(at), "d MMMM y 'pukul' HH.mm", locale="id") + " WIB"


def _english(at: datetime) -> str:
    return format_datetime(clock.wib(at), "d MMMM y, HH:mm", locale="en") + " WIB"
