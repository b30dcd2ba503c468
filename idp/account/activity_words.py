"""What each event of the audit trail is called where people read it; events without words are not shown."""

from typing import Any

from idp.core import lifetimes
from idp.core.languages import _, _l

EVENT_LABELS: dict[str, Any] = {
    "account_created": _l("Akun dibuat"),
    "sign_in": _l("Masuk"),
    "sign_in_failed": _l("Percobaan masuk yang gagal"),
    "sign_out": _l("Keluar"),
    "second_factor": _l("Verifikasi dua langkah berhasil"),
    "second_factor_failed": _l("Verifikasi dua langkah gagal"),
    "session_ended": _l("Satu sesi diakhiri"),
    "sessions_ended": _l("Sesi di perangkat lain diakhiri"),
    "password_changed": _l("Password diubah"),
    "contacts_changed": _l("Nomor handphone atau email diubah"),
    "contact_verified": _l("Kontak diverifikasi"),
    "locale_changed": _l("Bahasa diubah"),
    "roles_changed": _l("Peran di SIAPkerja diubah petugas"),
    "account_assured": _l("Tingkat pemeriksaan akun diubah petugas"),
    "name_corrected": _l("Nama diperbaiki petugas"),
    "recovery_started": _l("Pemulihan akun dimulai"),
    "recovery_finished": _l("Akun dipulihkan"),
    "recovery_refused": _l("Pemulihan akun ditolak"),
    "recovery_waits": _l("Pemulihan akun menunggu"),
    "recovery_vetoed": _l("Pemulihan akun dibatalkan pemilik kontak"),
    "recovery_affirmed": _l("Pemulihan akun dikonfirmasi"),
    "recovery_frozen": _l("Pemulihan akun diperiksa petugas"),
    "recovery_cancelled": _l("Pemulihan akun ditarik kembali"),
    "probation_ended": _l("Masa pemulihan berakhir"),
    "registration_refused": _l("Percobaan mendaftar dengan NIK Anda"),
    "account_found": _l("Petugas melihat akun Anda"),
    "account_locked": _l("Akun dikunci petugas"),
    "account_unlocked": _l("Kunci akun dibuka petugas"),
    "account_held": _l("Penghapusan akun ditahan petugas"),
    "account_released": _l("Penghapusan akun tidak lagi ditahan"),
    "account_exported": _l("Data akun diunduh"),
    "deletion_requested": _l("Penghapusan akun diminta"),
    "deletion_cancelled": _l("Penghapusan akun dibatalkan"),
    "activity_reported": _l("Aktivitas dilaporkan"),
    "consent_given": _l("Izin berbagi data diberikan"),
    "grant_revoked": _l("Izin layanan dicabut"),
    "refresh_reused": _l("Akses layanan diakhiri karena mencurigakan"),
    "passkey_added": _l("Passkey ditambahkan"),
    "passkey_removed": _l("Passkey dihapus"),
    "totp_added": _l("Aplikasi autentikator ditambahkan"),
    "totp_removed": _l("Aplikasi autentikator dihapus"),
    "recovery_codes_made": _l("Kode pemulihan dibuat"),
    "device_remembered": _l("Perangkat diingat %(hari)s hari", hari=lifetimes.REMEMBERED_DEVICE.days),
    "authenticators_suspended": _l("Cara masuk lama ditangguhkan"),
    "authenticators_restored": _l("Cara masuk lama berlaku kembali"),
    "otp_sent": _l("Kode OTP dikirim"),
    "otp_dead": _l("Kode OTP salah lima kali"),
}
CONTACTS_CHANGED = {"phone": _l("Nomor handphone diubah"), "email": _l("Alamat email diubah")}
SHOWN_EVENTS = frozenset(EVENT_LABELS)


def describe_event(event: str, facts: dict[str, Any], client: str | None) -> str:
    """The event in a few words, with the service (its name) where one was part of it."""
    if event == "contacts_changed" and facts.get("kind") in CONTACTS_CHANGED:
        return str(CONTACTS_CHANGED[facts["kind"]])
    if event == "sign_in" and facts.get("kind") == "passkey":
        return _("Masuk dengan passkey ke %(layanan)s", layanan=client) if client else _("Masuk dengan passkey")
    if event == "sign_in" and client:
        return _("Masuk ke %(layanan)s", layanan=client)
    return f"{EVENT_LABELS[event]}: {client}" if client else str(EVENT_LABELS[event])
