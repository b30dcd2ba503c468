"""The journeys in a real browser, with JavaScript and without, by keyboard alone, in both languages and at both widths."""

import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.relying_party import RelyingParty

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGE = b"<!doctype html><html lang=id><title>arrived</title><h1>arrived</h1>"


class Landing(BaseHTTPRequestHandler):
    """A service's own pages: somebody has arrived."""

    def do_GET(self):  # the name that http.server looks for
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture(scope="module")
def landing():
    """Where the services live."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Landing)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service(house, landing):
    """The demo's relying parties, moved to where somebody listens."""
    directory = house.app.extensions["idp.clients"]

    def made(client_id):
        addresses = {"redirect_uris": (f"{landing}/callback",), "post_logout_redirect_uris": (f"{landing}/",)}
        directory.known[client_id] = directory.known[client_id].model_copy(update=addresses)
        party = RelyingParty.of_demo(house.issuer, client_id)
        party.redirect_uri = f"{landing}/callback"
        return party

    return made


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Tab:
    """One page of one browser; services stand at their callbacks and say that somebody has arrived."""

    def __init__(self, chromium, landing, *, javascript=True, width=360, locale="id-ID"):
        self.landing = landing
        self.context = chromium.new_context(
            java_script_enabled=javascript, viewport={"width": width, "height": 800}, locale=locale
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(15000)
        self.trouble = []
        self.page.on("console", lambda message: self.trouble.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))

    @property
    def url_of_service(self):
        return self.page.url if self.page.url.startswith(self.landing) else None

    def fill(self, **typed):
        for name, value in typed.items():
            self.page.fill(f'main [name="{name}"]', value)

    def send(self):
        self.page.locator('main form button[type="submit"]:not(.toggle)').first.click()
        self.page.wait_for_load_state()

    def arrives(self):
        self.page.wait_for_url(f"{self.landing}/**")

    def heading(self):
        return self.page.locator("h1").inner_text()

    def close(self):
        # 4xx answers to what was typed wrongly are told by Chromium as failed loads; everything else is a fault of ours.
        faults = [text for text in self.trouble if "Failed to load resource" not in text]
        assert not faults, faults
        self.context.close()


@pytest.fixture
def tab(chromium, landing):
    opened = []

    def new(**options):
        opened.append(Tab(chromium, landing, **options))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


@pytest.fixture
def siti(person, service, clock):
    siti = person("Siti")
    wlkp = service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    clock.shift(61)
    return siti


def received(service, tab):
    """What the service gets when the browser arrives."""

    class Arrived:
        url_of_service = tab.url_of_service
        page = None

    return service.receives(Arrived) if tab.url_of_service else pytest.fail(f"still at {tab.page.url}: {tab.heading()}")


scripts = pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])


@pytest.mark.every_store
@scripts
def test_sign_in_and_sign_out(tab, siti, service, javascript):
    one, wlkp, jkp = tab(javascript=javascript), service("wlkp"), service("jkp")
    one.page.goto(wlkp.url())
    assert one.heading() == "Masuk"
    one.fill(identifier=siti.email, password="Bukan#Ini2026")
    one.send()
    assert "Data masuk atau password tidak sesuai." in one.page.inner_text("main")
    one.fill(password=siti.password)
    one.send()
    subject = received(wlkp, one)["sub"]
    one.page.goto(jkp.url())
    assert received(jkp, one)["sub"] == subject
    one.page.goto(wlkp.logout_url())
    assert one.page.url == f"{one.landing}/?state=bye"


@scripts
def test_register(tab, person, service, outbox, clock, javascript):
    one, wlkp, budi = tab(javascript=javascript), service("wlkp"), person("Budi")
    one.page.goto(wlkp.url(prompt="create"))
    one.fill(nik=budi.nik, name=budi.full_name, mothers_name=budi.mothers_name)
    one.send()
    one.fill(email=budi.email, phone=budi.phone, password=budi.password)
    one.send()
    assert one.heading() == "Verifikasi"
    one.fill(code=outbox.code(budi.e164))
    one.send()
    assert "Pendaftaran akun anda telah berhasil." in one.page.inner_text("main")
    one.page.get_by_text("Lanjut ke").click()
    one.arrives()
    assert received(wlkp, one)["acr"] == "urn:siapkerja:acr:data"


@scripts
def test_recover(tab, siti, service, outbox, javascript):
    one, wlkp = tab(javascript=javascript), service("wlkp")
    one.page.goto(wlkp.url())
    one.page.click("text=Kendala Masuk ke Akun?")
    one.page.click("text=Verifikasi lewat nomor handphone")
    one.fill(nik=siti.nik, phone=siti.phone)
    one.send()
    assert one.heading() == "Periksa pesan masuk Anda"
    one.fill(code=outbox.code(siti.e164))
    one.send()
    one.fill(password="Rembulan!8terbit")
    one.send()
    assert "Akunmu kini telah aktif kembali dan siap digunakan" in one.page.inner_text("main")
    one.page.locator("main").get_by_role("link", name="Masuk").click()
    one.fill(identifier=siti.phone, password="Rembulan!8terbit")
    one.send()
    received(wlkp, one)


def test_the_keyboard_is_enough(tab, siti, service):
    one, wlkp = tab(width=1280), service("wlkp")
    one.page.goto(wlkp.url())
    for _ in range(12):
        one.page.keyboard.press("Tab")
        if one.page.evaluate("document.activeElement.name") == "identifier":
            break
    one.page.keyboard.type(siti.nik)
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.name") == "password"
    one.page.keyboard.type(siti.password)
    one.page.keyboard.press("Enter")
    one.arrives()
    received(wlkp, one)


def test_two_tabs_back_and_refresh(tab, siti, service):
    one, wlkp, jkp = tab(), service("wlkp"), service("jkp")
    one.page.goto(wlkp.url())
    waiting = one.page.url
    other = one.context.new_page()
    other.goto(jkp.url())
    one.page.reload()
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    received(wlkp, one)
    other.reload()
    other.fill('[name="identifier"]', siti.nik)
    other.fill('[name="password"]', siti.password)
    other.click('main form button[type="submit"]:not(.toggle)')
    other.wait_for_url(f"{one.landing}/**")
    one.page.goto(waiting)
    assert one.page.get_attribute("main", "data-error") == "gone"
    assert "WLKP Online" in one.page.inner_text("body")


def test_password_rules_are_live_and_the_nik_is_grouped(tab, person, service):
    one, wlkp, budi = tab(), service("wlkp"), person("Budi")
    one.page.goto(wlkp.url(prompt="create"))
    one.page.locator('[name="nik"]').press_sequentially(budi.nik)
    assert one.page.input_value('[name="nik"]') == " ".join(re.findall("....", budi.nik))
    one.fill(name=budi.full_name, mothers_name=budi.mothers_name)
    one.send()
    before = one.page.locator("main").inner_html()
    one.page.locator('[name="password"]').press_sequentially("Abcdefg1!")
    assert one.page.locator("main").inner_html() != before
    one.page.get_by_role("button", name=re.compile("Tampilkan")).click()
    assert one.page.get_attribute('[name="password"]', "type") == "text"


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_is_accessible(tab, siti, person, service, outbox, clock, locale, width):
    one, wlkp, budi = tab(width=width, locale=locale), service("wlkp"), person("Budi")
    seen = []

    def look():
        found = Axe().run(one.page, options=AXE).response["violations"]
        assert not found, (one.heading(), [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found])
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width, f"{one.heading()} is wider than the screen"
        seen.append(one.heading())

    issuer = wlkp.issuer
    for path in ("/", "/privasi", "/syarat", "/bukan-saya", "/nowhere", "/authorize", "/dev/outbox"):
        one.page.goto(issuer + path)
        look()
    one.page.goto(wlkp.url())
    look()
    one.fill(identifier="x", password="y")
    one.send()
    look()
    base = one.page.url.rpartition("/")[0]
    for path in ("/recover", "/recover/phone", "/recover/email", "/recover/identity"):
        one.page.goto(base + path)
        look()
    one.page.goto(base + "/recover/phone")
    one.fill(nik=siti.nik, phone=siti.phone)
    one.send()
    look()
    one.fill(code=outbox.code(siti.e164))
    one.send()
    look()
    one.fill(password="Rembulan!8terbit")
    one.send()
    look()
    one.page.goto(base + "/register")
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
    one.page.locator("main a").first.click()
    one.arrives()
    received(wlkp, one)
    one.page.goto(issuer + "/logout")
    look()
    assert len(seen) == 24


def test_consent_shows_each_value(tab, siti, service, house):
    wlkp = service("wlkp")
    directory = house.app.extensions["idp.clients"]
    directory.known["wlkp"] = directory.known["wlkp"].model_copy(update={"first_party": False})
    one = tab()
    one.page.goto(wlkp.url())
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    text = one.page.inner_text("main")
    assert "WLKP Online" in text and siti.email in text and siti.full_name in text
    found = Axe().run(one.page, options=AXE).response["violations"]
    assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found]
    one.page.click('button[name="decision"][value="allow"]')
    one.arrives()
    received(wlkp, one)


def test_the_first_page_is_light(tab, service):
    one = tab()
    sizes = []
    one.page.on("response", lambda answer: sizes.append(len(answer.body())))
    one.page.goto(service("wlkp").url(), wait_until="networkidle")
    assert 0 < sum(sizes) < 50_000, f"{sum(sizes)} bytes"


def test_the_stylesheet_loads_nothing_from_elsewhere():
    static = Path(__file__).resolve().parents[2] / "idp" / "static"
    for file in static.glob("*.css"):
        assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", file.read_text())
