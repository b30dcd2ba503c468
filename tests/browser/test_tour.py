"""README's tour in Chromium, against the demo as `make run` starts it: the same steps as the script that takes the pictures."""

import json
import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from idp.gateways.demo_registry import CITIZENS, citizens
from scripts import tour
from tests.browser.tab import AXE, leaving, press, touch

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGE_BUDGET = 15_000  # bytes of a page with everything that it needs
WAYS = [(360, "id", "light", True), (1280, "en", "dark", True), (360, "en", "dark", True), (1280, "id", "light", False)]


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    running = tour.Running(tmp_path_factory.mktemp("demo"))
    yield running.demo
    running.stop()


@pytest.fixture
def browser(chromium):
    """New browsers, each with its first page; what their console complains about fails the test."""
    opened, trouble = [], []

    def new(width=1280, scheme="light", javascript=True, language="id"):
        context = chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=javascript,
            locale="id-ID" if language == "id" else "en-GB",
        )  # fmt: skip
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(tour.PATIENCE)
        page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        page.javascript = javascript
        return page

    yield new
    for context in opened:
        context.close()
    assert not [text for text in trouble if "Failed to load resource" not in text], trouble


def looked_at(page, name):
    """Nothing to find for axe, no wider than the screen, each id once."""
    if page.javascript:
        found = Axe().run(page, options=AXE).response
        assert not found["violations"], (name, [(v["id"], [n["html"][:150] for n in v["nodes"]]) for v in found["violations"]])
        assert not [v for v in found["incomplete"] if v["id"].startswith("duplicate-id")], name
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the screen"
    if os.environ.get("IDP_TEST_SCREENSHOTS"):
        page.screenshot(path=f"{os.environ['IDP_TEST_SCREENSHOTS']}/tour-{name}-{width}.png", full_page=True)


@pytest.mark.parametrize(("width", "language", "scheme", "javascript"), WAYS)
def test_the_tour_of_the_readme(demo, browser, width, language, scheme, javascript):
    """U5, U12: one sign-in for all, a claim page with its class, and one sign-out for all, in every shape of page."""
    page = browser(width, scheme, javascript, language)
    page.goto(f"{demo.wlkp}/?lang={language}")
    seen = {}

    def look(name):
        looked_at(page, name)
        assert page.locator("html").get_attribute("lang") == language, name
        seen[name] = page.inner_text("main")

    tour.walk(page, demo, look)
    words = {"id": ("Selamat datang, SITI", "Cukup untuk mengajukan klaim", "ikut berakhir"),
             "en": ("Welcome, SITI", "Enough to make a claim", "has ended too")}[language]  # fmt: skip
    assert words[0] in seen["3-signed-in"] and words[0] in seen["4-hop"]
    assert words[1] in seen["5-claim"]
    assert words[2] in seen["7-out-everywhere"]
    assert "9901*****" not in seen["3-signed-in"] and "99*****0001" in seen["4-hop"], "JKP is told the NIK, WLKP is not"


def test_the_readme_shows_each_step_as_the_script_takes_it():
    names = [f"{number}-{step.__name__.replace('_', '-')}.webp" for number, step in enumerate(tour.TOUR, 1)]
    assert re.findall(r"docs/tour/([\w.-]+)", README) == names
    kept = {path.name: path.stat().st_size for path in (ROOT / "docs" / "tour").iterdir()}
    assert sorted(kept) == sorted(names), "run: python scripts/tour.py"
    assert max(kept.values()) < 60_000


def test_whoever_registers_at_wlkp_can_claim_at_jkp(demo, browser):
    """U12: a newcomer without an account, from the registration into both services."""
    citizen = citizens(CITIZENS)[-1]
    page = browser(360)
    page.goto(f"{demo.wlkp}/")
    press(page, page.get_by_role("link", name="Daftar Sekarang"))
    for name, value in (("nik", citizen.nik), ("name", citizen.name), ("mothers_name", citizen.mothers_name)):
        page.fill(f"main [name={name}]", value)
    press(page, page.locator("main form button[type=submit]:not(.toggle)"))
    for name, value in (("email", "intan@surat.example"), ("phone", "081234567812"), ("password", "Matahari!7terbit")):
        page.fill(f"main [name={name}]", value)
    press(page, page.locator("main form button[type=submit]:not(.toggle)"))
    page.locator("main [name=code]").wait_for()
    outbox = page.context.new_page()
    outbox.goto(f"{demo.provider}/dev/outbox")
    page.fill("main [name=code]", re.search(r"Kode OTP Anda (\d{6})", outbox.inner_text("body"))[1])
    press(page, page.locator("main form button[type=submit]:not(.toggle)"))
    press(page, page.get_by_role("link", name="Lanjut ke"))
    page.wait_for_url(f"{demo.wlkp}/")
    assert citizen.name in page.inner_text("h1")
    tour.hop(page, demo)
    tour.claim(page, demo)
    assert "Data cocok dengan Dukcapil" in page.inner_text("main")
    press(page, page.get_by_role("button", name="Kirim klaim"))
    assert "Klaim contoh Anda sudah kami terima." in page.inner_text("[role=status]")
    looked_at(page, "claimed")


def enters(page, demo):
    for step in (tour.landing, tour.sign_in, tour.signed_in):
        step(page, demo)


def test_a_sign_out_at_pelatihan_is_told_in_a_frame_and_from_server_to_server(demo, browser):
    """U5: Pelatihan hears by the front channel too, WLKP and JKP by the back channel."""
    page = browser(1280)
    enters(page, demo)
    tour.hop(page, demo)
    press(page, page.locator("a.hop", has_text="Pelatihan"))
    page.wait_for_url(f"{demo.pelatihan}/")
    with page.expect_response(lambda answer: "/logout/frontchannel" in answer.url) as framed:
        tour.sign_out(page, demo)
    assert framed.value.status == 200 and framed.value.url.startswith(demo.pelatihan)
    tour.out_everywhere(page, demo)
    tour.hears(page, demo.jkp, "JKP")
    page.goto(f"{demo.jkp}/klaim")
    page.wait_for_url(f"{demo.provider}/interaction/**")


def test_pages_are_light_and_bring_everything_themselves(demo, browser):
    """U12: less than 15 kB each, with style sheet and pictures."""
    page = browser(360)
    enters(page, demo)
    for address in (f"{demo.wlkp}/", f"{demo.jkp}/klaim", f"{demo.pelatihan}/"):
        page.goto(address)  # to its load event: by then everything that it names has come
        files = page.evaluate("performance.getEntriesByType('resource').map(file => [file.name, file.decodedBodySize])")
        assert all(name.startswith(address.rpartition("/klaim")[0] or address) for name, _ in files), files
        assert len(page.content().encode()) + sum(size for _, size in files) < PAGE_BUDGET, (address, files)


def test_the_claims_are_said_in_words_and_as_json_for_those_who_want_it(demo, browser):
    """U12: no dump of claims on the page; the very ID token behind «Untuk pengembang»."""
    page = browser(1280)
    enters(page, demo)
    told = dict(zip(page.locator("dl dt").all_inner_texts(), page.locator("dl dd").all_inner_texts(), strict=True))
    assert told["Nama"] == "SITI NURHALIZA RAHAYU"
    assert told["Email"] == "siti@example.com (terverifikasi)"
    assert told["Tingkat verifikasi"] == "Penuh, sudah diperiksa petugas"
    assert told["Cara masuk"] == "password"
    assert re.fullmatch(r"\d{1,2} \w+ \d{4} pukul \d\d\.\d\d WIB", told["Masuk pada"])
    assert "prompt" not in page.inner_text("body") and "urn:siapkerja" not in page.inner_text("body")
    touch(page, page.get_by_text("Untuk pengembang"))
    claims = json.loads(page.locator("pre").first.inner_text())
    assert claims["iss"] == demo.provider and claims["aud"] == "wlkp" and {"sid", "nonce", "acr", "exp"} <= claims.keys()
    looked_at(page, "developer")


def test_the_keyboard_is_enough(demo, browser):
    """U12: skip link first, then everything in the order in which it is read."""
    page = browser(1280)
    tour.landing(page, demo)
    met = []
    for _ in range(8):
        page.keyboard.press("Tab")
        met.append(page.evaluate("document.activeElement.innerText.trim().split('\\n')[0]"))
    assert met[0] == "Lewati ke isi"
    assert met[3] == "Masuk dengan SIAPkerja ID" and met[4] == "Daftar Sekarang"
    page.locator("main a.go").focus()
    with leaving(page):
        page.keyboard.press("Enter")
    page.locator("main [name=identifier]").wait_for()


def test_wide_targets_and_one_language_for_all(demo, browser):
    """U12: whoever chose English takes it along to the next service; everything to press is 44 px high."""
    page = browser(360, language="id")
    page.goto(f"{demo.wlkp}/")
    press(page, page.get_by_role("link", name="English"))
    page.get_by_role("link", name="Sign in with SIAPkerja ID").wait_for()
    enters(page, demo)
    assert page.inner_text("h1").startswith("Welcome")
    tour.hop(page, demo)
    assert page.inner_text("h1").startswith("Welcome")
    for one in page.locator("nav a, nav button, a.go, a.hop, summary").all():
        assert one.bounding_box()["height"] >= 44, one.inner_text()
