"""What pages say and offer beside their one question: small words without which people stop."""

import base64
import re
from urllib.parse import unquote, urlsplit

import pyotp
import pytest

from tests.journeys.test_second_factor import ESSENTIAL


@pytest.fixture
def siti(person, service, clock):
    """Registered a minute ago, and signed out."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    clock.shift(61)
    return siti


def test_another_code_is_told_and_titles_tell_steps_and_troubles(person, service, clock):
    """U15, U19: no word came after Kirim Ulang; two steps had one title, and only some titles told of a trouble."""
    budi = person("Budi")
    service("wlkp").sends(budi.browser, prompt="create")
    assert "<title>Pendaftaran Akun (Langkah 1 dari 3) · SIAPkerja</title>" in budi.page.source
    page = budi.proves_identity(mothers_name="Bukan Beda")
    assert "<title>Kesalahan: Pendaftaran Akun (Langkah 1 dari 3)" in page.source
    page = budi.proves_identity()
    assert "<title>Pendaftaran Akun (Langkah 2 dari 3) · SIAPkerja</title>" in page.source
    assert "Jangan gunakan nama, NIK, email, atau nomor handphone Anda" in page.text
    page = budi.gives_contacts()
    assert "Kode baru sudah dikirim" not in page.text
    clock.shift(61)
    page = budi.browser.press("/resend")
    assert "Kode baru sudah dikirim Dikirim pukul 12.01 WIB. Kode sebelumnya tetap berlaku." in page.text
    page = budi.browser.submit(code="000000")
    assert "Kode baru sudah dikirim" not in page.text and "Sisa percobaan: 4." in page.text


def test_an_app_on_the_same_device_and_codes_to_keep(siti, service):
    """U20: one phone cannot scan itself; codes were to be written off by hand, and a print had menus and no owner."""
    service("wlkp").sends(siti.browser, claims=ESSENTIAL)
    siti.signs_in()
    siti.browser.submit(form=siti.page.form("app"), button=("app", "1"))
    page = siti.types_the_code()
    key = re.search(r'class="key">([A-Z2-7 ]+)<', page.source)[1].replace(" ", "")
    assert pyotp.parse_uri(page.link("Buka di aplikasi autentikator")).secret == key
    page = siti.browser.submit(code=pyotp.TOTP(key).now())
    codes = re.findall(r"<li><code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", page.source)
    kind, _, content = page.link("Simpan sebagai berkas").partition(",")
    kept = unquote(content) if "base64" not in kind else base64.b64decode(content).decode()
    assert kept.split() == f"Kode pemulihan akun SIAPkerja · {siti.full_name}".split() + codes
    assert f"Kode pemulihan akun SIAPkerja · {siti.full_name}" in page.text


def test_new_codes_are_offered_again_after_the_second_factor(siti, service):
    """U16: whoever wanted ten new codes gave the second factor, and found themselves on the first page."""
    siti.browser.open("/account/methods")
    siti.signs_in()
    siti.browser.press("/codes")
    siti.browser.press("/send")
    page = siti.types_the_code()
    assert page.heading == "Buat sepuluh kode baru" and urlsplit(page.url).path == "/account/methods/codes"
    page = siti.browser.press("/codes")
    assert page.heading == "Simpan kode pemulihan"
    assert len(re.findall(r"<li><code>[A-Z0-9]{5}-[A-Z0-9]{5}</code>", page.source)) == 10


def test_activities_stand_under_their_day_and_say_which_contact_changed(siti, clock):
    """U9."""
    siti.browser.open("/account/contacts/phone")
    siti.signs_in()
    siti.browser.submit(phone="081234569999")
    siti.types_the_code("+6281234569999")
    siti.browser.submit(form=next(f for f in siti.page.forms if f.fields.get("to") == "phone"))
    assert siti.types_the_code().heading == "Kontak Anda sudah diubah"
    page = siti.browser.open("/account/activity")
    assert page.text.count("Senin, 2 Maret 2026") == 1
    assert "Nomor handphone diubah 12.01 WIB" in page.text
    assert "email diubah" not in page.text


def test_an_error_page_keeps_its_code_for_those_who_look_after_the_service(issuer, siti):
    """U22: «404 not_found» among the words for people."""
    page = siti.browser.open("/tidak-ada")
    before, _, technical = page.source.partition("<details")
    assert "404 not_found" in technical and "not_found" not in before.partition("<main")[2].replace('data-error="not_found"', "")


def test_consent_says_who_asks(siti, service, house):
    """U22: nobody could tell a stranger's service from the ministry's own."""
    directory = house.app.extensions["idp.clients"]
    directory.known["wlkp"] = directory.known["wlkp"].model_copy(update={"first_party": False})
    service("wlkp").sends(siti.browser)
    page = siti.signs_in()
    assert "WLKP Online 127.0.0.1:5001 Layanan ini dikelola pihak di luar Kemnaker." in page.text
