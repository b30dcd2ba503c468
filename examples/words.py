"""The words of the demo services in Indonesian and English, and what the provider told, said in words."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from babel.dates import format_date, format_datetime

LANGUAGES = {"id": "Bahasa Indonesia", "en": "English"}
WIB = timezone(timedelta(hours=7))

TEXTS: dict[str, dict[str, str]] = {
    "id": {
        "skip": "Lewati ke isi",
        "ministry": "Kementerian Ketenagakerjaan RI",
        "language": "Bahasa dan akun",
        "account": "Akun saya",
        "leave": "Keluar",
        "welcome": "Selamat datang, %s",
        "enter": "Masuk dengan SIAPkerja ID",
        "no_account": "Belum punya akun?",
        "register": "Daftar Sekarang",
        "once": "Satu akun untuk semua layanan Kemnaker. Cukup masuk satu kali.",
        "services": "Layanan dengan akun yang sama",
        "here": "Anda di sini",
        "open": "Terbuka tanpa masuk lagi",
        "offers": "Yang dapat Anda lakukan di sini",
        "told": "Data Anda dari SIAPkerja ID",
        "told_hint": "Hanya ini yang diterima layanan ini. Layanan lain menerima data menurut keperluannya.",
        "developer": "Untuk pengembang",
        "developer_id_token": "Klaim di ID token",
        "developer_userinfo": "Klaim dari userinfo",
        "demo": "Layanan contoh: semua orang dan data di sini fiktif.",
        "claim_open": "Ajukan klaim",
        "claim_title": "Klaim manfaat JKP",
        "claim_for": "Klaim manfaat untuk %s",
        "claim_why": "Di sini uang dibayarkan. Karena itu halaman ini meminta tingkat verifikasi sendiri kepada SIAPkerja ID.",
        "claim_asked": "Yang diminta halaman ini",
        "claim_has": "Tingkat akun Anda",
        "claim_enough": "Cukup untuk mengajukan klaim",
        "claim_send": "Kirim klaim",
        "message:claim_sent": "Klaim contoh Anda sudah kami terima. Tidak ada data yang disimpan.",
        "claim_closed": "Klaim belum dapat diajukan",
        "claim_recovered": "Akun SIAPkerja Anda dipulihkan pada %s. Demi keamanan manfaat Anda, klaim baru dapat "
        "diajukan setelah masa pengamanan selesai.",
        "claim_not_enough": "Tingkat verifikasi akun Anda belum cukup untuk mengajukan klaim.",
        "claim_check_hint": "Pilih Periksa lagi untuk melihat mulai kapan.",
        "claim_check": "Periksa lagi",
        "back": "Kembali",
        "error": "Halaman ini tidak dapat dibuka",
        "or": "atau",
        "name": "Nama",
        "email": "Email",
        "phone_number": "Nomor handphone",
        "nik": "NIK",
        "birthdate": "Tanggal lahir",
        "gender": "Jenis kelamin",
        "female": "Perempuan",
        "male": "Laki-laki",
        "roles": "Peran",
        "acr": "Tingkat verifikasi",
        "amr": "Cara masuk",
        "auth_time": "Masuk pada",
        "verified": "%s (terverifikasi)",
        "unverified": "%s (belum terverifikasi)",
        "acr:data": "Data cocok dengan Dukcapil",
        "acr:penuh": "Penuh, sudah diperiksa petugas",
        "acr:pemulihan": "Baru dipulihkan, dalam masa pengamanan",
        "acr:mfa": "Dengan verifikasi dua langkah",
        "amr:pwd": "password",
        "amr:sms": "kode lewat SMS",
        "amr:otp": "aplikasi autentikator",
        "amr:hwk": "passkey",
        "amr:swk": "passkey",
        "role:jobseeker": "pencari kerja",
        "role:training_participant": "peserta pelatihan",
        "role:company": "perusahaan",
        "role:institution": "lembaga",
        "role:labour_office_province": "dinas tenaga kerja provinsi",
        "role:labour_office_regency": "dinas tenaga kerja kabupaten/kota",
        "message:ended": "Anda sudah keluar dari SIAPkerja ID, jadi sesi Anda di layanan ini ikut berakhir.",
        "message:access_denied": "Anda kembali tanpa masuk.",
        "message:unmet_authentication_requirements": "Layanan ini memerlukan masuk yang lebih kuat.",
        "message:stale": "Halaman masuk itu sudah tidak berlaku, atau browser Anda menolak cookie. Silakan masuk lagi.",
        "message:unreachable": "SIAPkerja ID sedang tidak dapat dihubungi. Coba lagi sebentar lagi.",
        "message:failed": "Belum berhasil masuk. Silakan coba lagi.",
    },
    "en": {
        "skip": "Skip to content",
        "ministry": "Ministry of Manpower RI",
        "language": "Language and account",
        "account": "My account",
        "leave": "Sign out",
        "welcome": "Welcome, %s",
        "enter": "Sign in with SIAPkerja ID",
        "no_account": "No account yet?",
        "register": "Register now",
        "once": "One account for all services of the ministry. Sign in just once.",
        "services": "Services with the same account",
        "here": "You are here",
        "open": "Opens without signing in",
        "offers": "What you can do here",
        "told": "Your details from SIAPkerja ID",
        "told_hint": "This is all that this service received. Other services receive what they need.",
        "developer": "For developers",
        "developer_id_token": "Claims in the ID token",
        "developer_userinfo": "Claims from userinfo",
        "demo": "A demo service: all people and details here are fictional.",
        "claim_open": "Claim benefits",
        "claim_title": "Claim JKP benefits",
        "claim_for": "Claim benefits for %s",
        "claim_why": "Money is paid here. That is why this page asks SIAPkerja ID for a level of verification of its own.",
        "claim_asked": "What this page asks for",
        "claim_has": "The level of your account",
        "claim_enough": "Enough to make a claim",
        "claim_send": "Send the claim",
        "message:claim_sent": "We have received your sample claim. Nothing of it is kept.",
        "claim_closed": "You cannot make a claim yet",
        "claim_recovered": "Your SIAPkerja account was recovered on %s. To keep your benefits safe, you can make a "
        "claim when the safety period is over.",
        "claim_not_enough": "The level of verification of your account is not enough to make a claim.",
        "claim_check_hint": "Choose Check again to see when that is.",
        "claim_check": "Check again",
        "back": "Back",
        "error": "This page cannot be opened",
        "or": "or",
        "name": "Name",
        "email": "Email",
        "phone_number": "Mobile number",
        "nik": "NIK",
        "birthdate": "Date of birth",
        "gender": "Gender",
        "female": "Female",
        "male": "Male",
        "roles": "Role",
        "acr": "Level of verification",
        "amr": "Signed in with",
        "auth_time": "Signed in at",
        "verified": "%s (verified)",
        "unverified": "%s (not verified)",
        "acr:data": "Details match the civil registry",
        "acr:penuh": "Full, checked by an officer",
        "acr:pemulihan": "Just recovered, in its safety period",
        "acr:mfa": "With two-step verification",
        "amr:pwd": "password",
        "amr:sms": "code by SMS",
        "amr:otp": "authenticator app",
        "amr:hwk": "passkey",
        "amr:swk": "passkey",
        "role:jobseeker": "jobseeker",
        "role:training_participant": "training participant",
        "role:company": "company",
        "role:institution": "institution",
        "role:labour_office_province": "provincial labour office",
        "role:labour_office_regency": "regency or city labour office",
        "message:ended": "You have signed out of SIAPkerja ID, so your session at this service has ended too.",
        "message:access_denied": "You came back without signing in.",
        "message:unmet_authentication_requirements": "This service needs a stronger sign-in.",
        "message:stale": "That sign-in page is no longer valid, or your browser refuses cookies. Please sign in again.",
        "message:unreachable": "SIAPkerja ID cannot be reached right now. Please try again in a moment.",
        "message:failed": "Signing in did not work. Please try again.",
    },
}


def in_words(facts: dict[str, Any], language: str) -> list[tuple[str, str]]:
    """What was told as pairs of label and value, in the order in which people look for it; what was not told is left out."""
    said = {name: say(facts[name], language, facts) for name, say in SAYING.items() if facts.get(name)}
    return [(TEXTS[language][name], value) for name, value in said.items() if value]


def level(acr: str | None, language: str) -> str:
    """A class of assurance (`acr`) in words; an unknown one as it is."""
    return TEXTS[language].get(f"acr:{(acr or '').rpartition(':')[2]}", acr or "")


def moment(seconds: int, language: str) -> str:
    """A time in WIB with the zone named, such as «2 Maret 2026 pukul 12.01 WIB»; `seconds` since the epoch."""
    shape = "d MMMM y 'pukul' HH.mm 'WIB'" if language == "id" else "d MMMM y 'at' HH.mm 'WIB'"
    return format_datetime(datetime.fromtimestamp(seconds, UTC).astimezone(WIB), shape, locale=language)


def _proved(name: str) -> Any:
    def said(value: str, language: str, facts: dict[str, Any]) -> str:
        shown = "0" + value.removeprefix("+62") if value.startswith("+62") else value  # as people here write it
        return TEXTS[language]["verified" if facts.get(f"{name}_verified") else "unverified"] % shown

    return said


def _listed(kind: str) -> Any:
    def said(values: list[str], language: str, _: dict[str, Any]) -> str:
        return ", ".join(dict.fromkeys(TEXTS[language].get(f"{kind}:{value}", value) for value in values if value not in UNSAID))

    return said


def _masked(value: str, *_: Any) -> str:
    return f"{value[:2]}*****{value[-4:]}"


# `mfa` and `user` say that there were two ways and that somebody was there: the ways themselves are said.
UNSAID = ("mfa", "user", "pop")
SAYING: dict[str, Any] = {
    "name": lambda value, *_: value,
    "email": _proved("email"),
    "phone_number": _proved("phone_number"),
    "nik": _masked,
    "birthdate": lambda value, language, _: format_date(date.fromisoformat(value), "d MMMM y", locale=language),
    "gender": lambda value, language, _: TEXTS[language].get(value, value),
    "roles": _listed("role"),
    "acr": lambda value, language, _: level(value, language),
    "amr": _listed("amr"),
    "auth_time": lambda value, language, _: moment(value, language),
}
