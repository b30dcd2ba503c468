"""The journeys in a real browser, with JavaScript and without, by keyboard alone, in both languages and at both widths."""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import received
from tests.browser.tab import leaving, touch

scripts = pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])


@pytest.mark.every_store
@scripts
def test_sign_in_and_sign_out(tab, siti, service, javascript):
    one, wlkp, jkp = tab(javascript=javascript), service("wlkp"), service("jkp")
    one.open(wlkp.url())
    assert one.heading == "Masuk"
    one.fill(identifier=siti.email, password="Bukan#Ini2026")
    one.send()
    assert "NIK, email, nomor handphone, atau password tidak sesuai." in one.text
    one.fill(password=siti.password)
    one.send()
    subject = received(wlkp, one)["sub"]
    one.open(jkp.url())
    assert received(jkp, one)["sub"] == subject
    one.open(wlkp.logout_url())
    assert one.page.url == f"{one.landing}/?state=bye"


@scripts
def test_register(tab, person, service, outbox, clock, javascript):
    one, wlkp, budi = tab(javascript=javascript), service("wlkp"), person("Budi")
    one.open(wlkp.url(prompt="create"))
    one.fill(nik=budi.nik, name=budi.full_name, mothers_name=budi.mothers_name)
    one.send()
    one.fill(email=budi.email, phone=budi.phone, password=budi.password)
    one.send()
    assert one.heading == "Verifikasi"
    one.fill(code=outbox.code(budi.e164))
    one.send()
    assert "Pendaftaran akun anda telah berhasil." in one.text
    one.press("text=Lanjut ke")
    assert received(wlkp, one)["acr"] == "urn:siapkerja:acr:data"


@scripts
def test_recover(tab, siti, service, outbox, javascript):
    one, wlkp = tab(javascript=javascript), service("wlkp")
    one.open(wlkp.url())
    one.press("text=Kendala Masuk ke Akun?")
    one.press("text=Verifikasi lewat nomor handphone")
    one.fill(nik=siti.nik, phone=siti.phone)
    one.send()
    assert one.heading == "Periksa pesan masuk Anda"
    one.fill(code=outbox.code(siti.e164))
    one.send()
    one.fill(password="Rembulan!8terbit")
    one.send()
    assert "Akunmu kini telah aktif kembali dan siap digunakan" in one.text
    one.press_named("link", "Masuk")
    one.fill(identifier=siti.phone, password="Rembulan!8terbit")
    one.send()
    received(wlkp, one)


def test_the_keyboard_is_enough(tab, siti, service):
    one, wlkp = tab(width=1280), service("wlkp")
    one.open(wlkp.url())
    for _ in range(12):
        one.page.keyboard.press("Tab")
        if one.page.evaluate("document.activeElement.name") == "identifier":
            break
    one.page.keyboard.type(siti.nik)
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.name") == "password"
    one.page.keyboard.type(siti.password)
    with leaving(one.page):
        one.page.keyboard.press("Enter")
    received(wlkp, one)


def test_two_tabs_back_and_refresh(tab, siti, service):
    one, wlkp, jkp = tab(), service("wlkp"), service("jkp")
    one.open(wlkp.url())
    waiting = one.page.url
    other = one.another()
    other.open(jkp.url())
    one.reload()
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    received(wlkp, one)
    other.reload()  # signed in by now, in the other tab (U21)
    received(jkp, other)
    one.open(waiting)
    assert one.page.get_attribute("main", "data-error") == "gone"
    assert "WLKP Online" in one.page.inner_text("body")


def test_password_rules_are_live_and_the_nik_is_grouped(tab, person, service):
    one, wlkp, budi = tab(), service("wlkp"), person("Budi")
    one.open(wlkp.url(prompt="create"))
    one.page.locator('[name="nik"]').press_sequentially(budi.nik)
    assert one.page.input_value('[name="nik"]') == " ".join(re.findall("....", budi.nik))
    one.fill(name=budi.full_name, mothers_name=budi.mothers_name)
    one.send()
    before = one.page.locator("main").inner_html()
    one.page.locator('[name="password"]').press_sequentially("Abcdefg1!")
    assert one.page.locator("main").inner_html() != before
    touch(one.page, one.page.get_by_role("button", name=re.compile("Tampilkan")))
    assert one.page.get_attribute('[name="password"]', "type") == "text"


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_is_accessible(tab, siti, person, service, outbox, clock, locale, width):
    one, wlkp, budi = tab(width=width, locale=locale), service("wlkp"), person("Budi")
    seen = []

    def look():
        one.is_sound(f"journey-{len(seen)}-{locale}")
        seen.append(one.heading)

    issuer = wlkp.issuer
    for path in ("/", "/privasi", "/syarat", "/bukan-saya", "/nowhere", "/authorize", "/dev/outbox"):
        one.open(issuer + path)
        look()
    one.open(wlkp.url())
    look()
    one.fill(identifier="x", password="y")
    one.send()
    look()
    base = one.page.url.rpartition("/")[0]
    for path in ("/recover", "/recover/phone", "/recover/email", "/recover/identity"):
        one.open(base + path)
        look()
    one.open(base + "/recover/phone")
    one.fill(nik=siti.nik, phone=siti.phone)
    one.send()
    look()
    one.fill(code=outbox.code(siti.e164))
    one.send()
    look()
    one.fill(password="Rembulan!8terbit")
    one.send()
    look()
    one.open(base + "/register")
    look()
    one.fill(nik="123", name="", mothers_name="1")
    one.send()
    look()
    one.fill(nik=budi.nik, name=budi.full_name, mothers_name=budi.mothers_name)
    one.send()
    look()
    one.fill(email="x", phone="1", password="short")
    one.send()
    look()
    one.fill(email=budi.email, phone=budi.phone, password=budi.password)
    one.send()
    look()
    one.fill(code="000000")
    one.send()
    look()
    one.fill(code=outbox.code(budi.e164))
    one.send()
    look()
    one.press("main a")
    received(wlkp, one)
    one.open(issuer + "/logout")
    look()
    assert len(seen) == 24


def test_consent_shows_each_value(tab, siti, service, house):
    wlkp = service("wlkp")
    directory = house.app.extensions["idp.clients"]
    directory.known["wlkp"] = directory.known["wlkp"].model_copy(update={"first_party": False})
    one = tab()
    one.open(wlkp.url())
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    text = one.text
    assert "WLKP Online" in text and siti.email in text and siti.full_name in text
    one.is_sound("consent")
    one.press('button[name="decision"][value="allow"]')
    received(wlkp, one)


@pytest.mark.parametrize("page", ["sign-in", "front page"])
def test_the_first_page_is_light(tab, service, page):
    """In all, as it is without compression; the services' own logos come from the services, which are not here."""
    one, wlkp = tab(), service("wlkp")
    answers = []
    one.page.on("response", lambda answer: answers.append(answer) if answer.url.startswith(wlkp.issuer) else None)
    one.open(wlkp.url() if page == "sign-in" else wlkp.issuer)  # to its load event: by then everything that it names has come
    sizes = [len(answer.body()) for answer in answers if not 300 <= answer.status < 400]
    assert len(sizes) >= 3, "the page, its style and its script"
    assert sum(sizes) < 50_000, f"{sum(sizes)} bytes"


def test_our_own_pictures_are_light_and_load_nothing():
    """Four of them, for success, waiting, trouble and the front page."""
    pictures = list((Path(__file__).resolve().parents[2] / "assets").glob("picture-*.svg"))
    assert len(pictures) == 4
    assert sum(picture.stat().st_size for picture in pictures) < 10_000
    for picture in pictures:
        assert not re.search(r"href|url\(|<script|<image|https?://(?!www\.w3\.org/2000/svg)", picture.read_text())


def test_the_stylesheet_loads_nothing_from_elsewhere():
    static = Path(__file__).resolve().parents[2] / "idp" / "static"
    for file in static.glob("*.css"):
        assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", file.read_text())
