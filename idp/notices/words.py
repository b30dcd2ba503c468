"""The words of each notice, by kind, in Indonesian; the catalogues hold the other languages.

What stands in `%(…)s` is a fact of the notice: a moment (`at`, `until`), `device`, the masked `phone`, the `url` of its own
link, or `what`, one of the phrases of its kind. An SMS has at most 160 characters of GSM-7 with all of them filled in.
"""

from dataclasses import dataclass, field
from typing import Any

from idp.core.languages import _l

NOT_YOU = _l(
    "Jika ini Anda, tidak ada yang perlu Anda lakukan."
    " Jika bukan, segera buka tautan di bawah ini untuk melihat apa yang harus dilakukan."
)
OFFICERS = _l("Ada yang tidak sesuai? Tautan di bawah ini menjelaskan apa yang dapat Anda lakukan.")
HELP = _l("Untuk membukanya kembali, hubungi Layanan Bantuan Kemnaker. Tautan di bawah ini menjelaskan caranya.")
NOT_ME = _l("Bukan saya")
WHAT_NOW = _l("Penjelasan dan bantuan")
VETO = _l("Bukan saya, batalkan")
YOU = _l("Apakah ini Anda?")
ASKS = _l("%(said)s Bukan Anda? %(url)s")
INFORMS = _l("%(said)s Info: %(url)s")  # of what an officer did: nobody is asked whether they are one


@dataclass(frozen=True, slots=True)
class Words:
    """One SMS, how it goes on before its link, and the parts of one e-mail: subject, paragraphs, the words of its button."""

    sms: Any
    subject: Any
    paragraphs: tuple[Any, ...]
    button: Any = NOT_ME
    way: Any = ASKS
    what: dict[str, Any] = field(default_factory=dict)
    sms_of: dict[str, Any] = field(default_factory=dict)  # by `what`, where the common words of the SMS say too little


AUTHENTICATOR_CHANGES = {
    "totp_added": _l("aplikasi autentikator ditambahkan"),
    "totp_removed": _l("aplikasi autentikator dihapus"),
    "passkey_added": _l("kunci sandi (passkey) ditambahkan"),
    "passkey_removed": _l("kunci sandi (passkey) dihapus"),
    "recovery_codes_made": _l("kode pemulihan baru dibuat"),
    "recovery_code_used": _l("satu kode pemulihan dipakai untuk masuk"),
}
CORRECTIONS = {
    "name": _l("nama pada akun Anda diperbaiki sesuai Dukcapil"),
    "assured": _l("identitas Anda ditandai sudah diperiksa langsung"),
    "withdrawn": _l("tanda pemeriksaan langsung dicabut"),
}
TAKEN = {"nik": _l("NIK Anda"), "phone": _l("nomor handphone ini"), "email": _l("email ini")}

WORDS: dict[str, Words] = {
    "password_changed": Words(
        _l("SIAPkerja: password akun Anda diubah %(at)s."),
        _l("Password akun SIAPkerja Anda diubah"),
        (_l("Password akun SIAPkerja Anda diubah pada %(at)s."), NOT_YOU),
    ),
    "contacts_changed": Words(
        _l("SIAPkerja: kontak untuk masuk ke akun Anda diubah %(at)s."),
        _l("Kontak akun SIAPkerja Anda diubah"),
        (_l("Nomor handphone atau email akun SIAPkerja Anda diubah pada %(at)s."), NOT_YOU),
    ),
    "contact_verified": Words(
        _l("SIAPkerja: kontak akun Anda diverifikasi %(at)s."),
        _l("Kontak akun SIAPkerja Anda sudah diverifikasi"),
        (_l("Kontak akun SIAPkerja Anda diverifikasi pada %(at)s, dan dapat memulihkan akun mulai sekarang."), NOT_YOU),
    ),
    "authenticators_changed": Words(
        _l("SIAPkerja: %(at)s %(what)s."),
        _l("Keamanan masuk akun SIAPkerja Anda berubah"),
        (_l("Keamanan masuk akun SIAPkerja Anda berubah pada %(at)s: %(what)s."), NOT_YOU),
        what=AUTHENTICATOR_CHANGES,
    ),
    "new_device": Words(
        _l("SIAPkerja: akun Anda masuk dari perangkat baru (%(device)s) %(at)s."),
        _l("Masuk dari perangkat baru"),
        (_l("Akun SIAPkerja Anda masuk dari perangkat yang belum pernah dipakai, %(device)s, pada %(at)s."), NOT_YOU),
    ),
    "signed_out_everywhere": Words(
        _l("SIAPkerja: akun Anda dikeluarkan dari semua perangkat %(at)s."),
        _l("Keluar dari semua perangkat"),
        (_l("Akun SIAPkerja Anda dikeluarkan dari semua perangkat dan layanan pada %(at)s."), NOT_YOU),
    ),
    "account_locked": Words(
        _l("SIAPkerja: akun Anda dikunci petugas %(at)s demi keamanan."),
        _l("Akun SIAPkerja Anda dikunci"),
        (_l("Petugas mengunci akun SIAPkerja Anda pada %(at)s demi keamanan."), HELP),
        WHAT_NOW,
        INFORMS,
    ),
    "account_unlocked": Words(
        _l("SIAPkerja: kunci akun Anda dibuka petugas %(at)s."),
        _l("Kunci akun SIAPkerja Anda dibuka"),
        (_l("Petugas membuka kunci akun SIAPkerja Anda pada %(at)s. Anda dapat masuk kembali."), OFFICERS),
        WHAT_NOW,
        INFORMS,
    ),
    "data_corrected": Words(
        _l("SIAPkerja: %(at)s %(what)s oleh petugas."),
        _l("Data akun SIAPkerja Anda diubah petugas"),
        (_l("Pada %(at)s %(what)s oleh petugas."), OFFICERS),
        WHAT_NOW,
        INFORMS,
        what=CORRECTIONS,
    ),
    "deletion_requested": Words(
        _l("SIAPkerja: akun Anda akan dihapus %(until)s. Masuk sebelum itu untuk membatalkan."),
        _l("Akun SIAPkerja Anda akan dihapus"),
        (
            _l("Pada %(at)s penghapusan akun SIAPkerja Anda diminta. Akun dihapus pada %(until)s."),
            _l("Masuklah sebelum itu untuk membatalkan."),
            NOT_YOU,
        ),
    ),
    "deletion_cancelled": Words(
        _l("SIAPkerja: penghapusan akun Anda dibatalkan %(at)s."),
        _l("Penghapusan akun SIAPkerja dibatalkan"),
        (_l("Penghapusan akun SIAPkerja Anda dibatalkan pada %(at)s. Akun Anda tetap ada."), NOT_YOU),
    ),
    "account_deleted": Words(
        _l("SIAPkerja: akun Anda sudah dihapus %(at)s."),
        _l("Akun SIAPkerja Anda sudah dihapus"),
        (
            _l("Akun SIAPkerja Anda dihapus pada %(at)s, seperti yang diminta. Data Anda tidak kami simpan lagi."),
            _l("Anda dapat mendaftar kembali kapan saja."),
        ),
    ),
    "data_exported": Words(
        _l("SIAPkerja: data akun Anda diunduh %(at)s."),
        _l("Data akun SIAPkerja Anda diunduh"),
        (_l("Seluruh data akun SIAPkerja Anda diunduh pada %(at)s."), NOT_YOU),
    ),
    "registration_attempt": Words(
        _l("SIAPkerja: %(at)s ada yang mencoba mendaftar dengan %(what)s. Akun Anda tetap aman."),
        _l("Percobaan pendaftaran akun SIAPkerja"),
        (
            _l("Pada %(at)s ada yang mencoba mendaftar di SIAPkerja dengan %(what)s, yang sudah memiliki akun."),
            _l("Jika ini Anda, silakan Masuk atau buka Kendala Masuk ke Akun? Jika bukan, akun Anda tetap aman."),
        ),
        what=TAKEN,
        sms_of={
            "phone": _l("SIAPkerja: %(at)s ada yang mencoba mendaftar dengan nomor ini. Satu akun perlu nomor sendiri."),
        },
    ),
    "contact_attempt": Words(
        _l("SIAPkerja: %(at)s ada yang mencoba memakai %(what)s di akun lain. Akun Anda aman."),
        _l("Percobaan memakai kontak Anda"),
        (
            _l("Pada %(at)s ada yang mencoba memakai %(what)s, yang terhubung ke akun Anda, untuk akun lain."),
            _l("Permintaan itu tidak berhasil, dan akun Anda tetap aman."),
        ),
        what=TAKEN,
    ),
    "recovery_started": Words(
        _l("SIAPkerja: pemulihan akun Anda dimulai %(at)s. Bukan Anda? Batalkan: %(url)s"),
        _l("Pemulihan akun SIAPkerja Anda dimulai"),
        (_l("Seseorang memulai pemulihan akun SIAPkerja Anda pada %(at)s dengan data identitas Anda."), YOU),
        VETO,
    ),
    "recovered": Words(
        _l("SIAPkerja: akun Anda dipulihkan dengan nomor %(phone)s. Bukan Anda? Batalkan: %(url)s"),
        _l("Akun SIAPkerja Anda dipulihkan"),
        (_l("Akun SIAPkerja Anda dipulihkan pada %(at)s dengan nomor %(phone)s."), YOU),
        VETO,
    ),
    "recovery_waits": Words(
        _l("SIAPkerja: akun Anda akan dipulihkan %(until)s ke %(phone)s. Bukan Anda? Batalkan: %(url)s"),
        _l("Pemulihan akun SIAPkerja Anda menunggu"),
        (
            _l("Seseorang ingin memulihkan akun SIAPkerja Anda dengan nomor %(phone)s."),
            _l("Pemulihan dapat diselesaikan mulai %(until)s bila tidak Anda batalkan. Apakah ini Anda?"),
        ),
        VETO,
    ),
    "recovery_affirmed": Words(
        _l("SIAPkerja: pemulihan akun Anda dikonfirmasi %(at)s. Bukan Anda? Laporkan: %(url)s"),
        _l("Pemulihan akun SIAPkerja Anda dikonfirmasi"),
        (_l("Pemulihan akun SIAPkerja Anda dikonfirmasi pada %(at)s. Semua layanan tersedia kembali."), YOU),
        VETO,
    ),
    "recovery_ready": Words(
        _l("SIAPkerja: pemulihan akun dapat diselesaikan: Kendala Masuk ke Akun? > Verifikasi lewat nomor handphone."),
        _l("Pemulihan akun SIAPkerja dapat diselesaikan"),
        (
            _l("Pemulihan akun SIAPkerja Anda dapat diselesaikan sampai %(until)s."),
            _l("Buka Kendala Masuk ke Akun? di halaman Masuk, pilih Verifikasi lewat nomor handphone, lalu masukkan nomor ini."),
        ),
    ),
    "recovery_vetoed": Words(
        _l("SIAPkerja: pemulihan akun dibatalkan %(at)s, password lama berlaku."),
        _l("Pemulihan akun SIAPkerja Anda dibatalkan"),
        (_l("Pemulihan akun SIAPkerja Anda dibatalkan pada %(at)s. Kontak dan password lama Anda berlaku."), NOT_YOU),
    ),
    "recovery_frozen": Words(
        _l("SIAPkerja: akun Anda dikunci %(at)s karena pemulihannya disanggah."),
        _l("Akun SIAPkerja Anda dikunci"),
        (_l("Akun SIAPkerja Anda dikunci pada %(at)s: pemilik kontak lama menyanggah pemulihannya."), HELP),
        WHAT_NOW,
        INFORMS,
    ),
}  # fmt: skip
