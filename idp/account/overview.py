"""The first page of the account: what needs attention, and the way to every section."""

from dataclasses import dataclass
from typing import Any

from flask import Response, g

from idp import authenticators, probation
from idp.account.access import blueprint, page, redirect_to_sign_in, sign_in_required
from idp.core import clock
from idp.core.languages import _l
from idp.web import urls


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation: its endpoint, title, what it is for, and icon."""

    endpoint: str
    title: Any
    text: Any
    icon: str


# The navigation, in this order.
SECTIONS = [
    Section("account.identity", _l("Data diri"), _l("Nama, NIK, dan peran Anda"), "id"),
    Section("account.contacts", _l("Kontak"), _l("Nomor handphone dan email Anda"), "phone"),
    Section("account.password", _l("Password"), _l("Ubah password Anda"), "key"),
    Section("account.methods", _l("Keamanan masuk"), _l("Passkey, aplikasi autentikator, kode pemulihan"), "shield"),
    Section("account.devices", _l("Perangkat dan sesi"), _l("Di mana akun Anda sedang dipakai"), "device"),
    Section("account.connected", _l("Layanan Terhubung"), _l("Layanan yang memakai akun Anda"), "link"),
    Section("account.activity", _l("Riwayat Aktivitas"), _l("Apa yang terjadi pada akun Anda"), "clock"),
    Section("account.language", _l("Bahasa"), _l("Bahasa halaman dan pesan"), "globe"),
    Section("account.export", _l("Unduh data saya"), _l("Semua data tentang Anda dalam satu berkas"), "download"),
    Section("account.delete", _l("Hapus akun"), _l("Dengan waktu untuk berubah pikiran"), "bin"),
]


@blueprint.route("")
@sign_in_required
def home() -> Response:
    """The front page of the account with all of its sections."""
    subject = g.account.subject
    known = probation.current_probation(subject)
    until = clock.from_timestamp(known.until) if known is not None else None
    stage = known.stage if known is not None else None
    return page("home", name=g.account.name.text, guarded=authenticators.enrolled_for(subject).any, stage=stage, until=until)


@blueprint.route("/recovery")
@sign_in_required
def recovery() -> Response:
    """To the question whose a recovery that waits is: it is asked at a sign-in, of whoever gives what the account has now."""
    if probation.current_probation(g.account.subject) is None:
        return urls.see_other("/account")
    return redirect_to_sign_in(prompt="login", path="/account")
