"""Passkeys in a real browser with its virtual authenticator: offered, made, and used without a word typed."""

import os
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.browser.test_in_chromium import AXE, FLAGS, Tab, landing, received  # noqa: F401
from tests.conftest import Outbox
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.soft_passkey import named

ESSENTIAL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:mfa"}}}'


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def home(house):
    with named(house) as found:
        yield found


@pytest.fixture
def wlkp(home, landing):  # noqa: F811
    app, issuer = home
    known = app.extensions["idp.clients"].known
    addresses = {"redirect_uris": (f"{landing}/callback",), "post_logout_redirect_uris": (f"{landing}/",)}
    known["wlkp"] = known["wlkp"].model_copy(update=addresses)
    party = RelyingParty.of_demo(issuer, "wlkp")
    party.redirect_uri = f"{landing}/callback"
    return party


@pytest.fixture
def siti(home, wlkp, clock):
    app, issuer = home
    siti = Person.named("Siti", issuer, Outbox(app))
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    clock.shift(61)
    return siti


class Device:
    """A tab whose browser has a platform authenticator with a screen lock."""

    def __init__(self, tab):
        self.tab, self.cdp = tab, tab.context.new_cdp_session(tab.page)
        self.cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def credentials(self):
        return self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]

    def refuses(self):
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})


@pytest.fixture
def device(chromium, landing):  # noqa: F811
    tab = Tab(chromium, landing)
    yield Device(tab)
    tab.close()


def makes_a_passkey(device, siti, wlkp):
    page = device.tab.page
    page.goto(wlkp.url())
    page.wait_for_function("document.querySelector('[data-passkey-ready]').value === '1'")
    device.tab.fill(identifier=siti.email, password=siti.password)
    device.tab.send()
    assert device.tab.heading() == "Masuk lebih mudah dengan passkey"
    page.click("text=Kirim kode lewat SMS")
    device.tab.fill(code=siti.outbox.code(siti.e164))
    device.tab.send()
    page.get_by_role("button", name="Buat passkey").click()
    device.tab.arrives()
    assert len(device.credentials()) == 1
    return received(wlkp, device.tab)


def signs_out(device):
    device.tab.context.clear_cookies()


def test_a_passkey_is_made_when_offered_and_signs_in_by_itself(device, siti, wlkp, clock):
    made = makes_a_passkey(device, siti, wlkp)
    assert made["amr"] == ["pwd", "sms", "mfa"]
    signs_out(device)
    clock.shift(61)
    device.tab.page.goto(wlkp.url(claims=ESSENTIAL))  # conditional: the virtual authenticator answers at once
    device.tab.arrives()
    claims = received(wlkp, device.tab)
    assert claims["sub"] == made["sub"]
    assert set(claims["amr"]) - {"hwk", "swk"} == {"user", "mfa"}
    assert claims["acr"] == "urn:siapkerja:acr:mfa"


def test_a_passkey_is_the_second_factor_after_a_password(device, siti, wlkp, clock):
    makes_a_passkey(device, siti, wlkp)
    signs_out(device)
    clock.shift(61)
    page = device.tab.page
    page.add_init_script("window.PublicKeyCredential.isConditionalMediationAvailable = undefined")
    page.goto(wlkp.url())
    device.tab.fill(identifier=siti.email, password=siti.password)
    device.tab.send()
    assert device.tab.heading() == "Langkah kedua"
    page.get_by_role("button", name="Pakai passkey").click()
    device.tab.arrives()
    assert received(wlkp, device.tab)["amr"][0] == "pwd"


def test_a_device_that_refuses_leaves_the_password(device, siti, wlkp, clock):
    makes_a_passkey(device, siti, wlkp)
    signs_out(device)
    device.refuses()
    page = device.tab.page
    page.add_init_script("window.PublicKeyCredential.isConditionalMediationAvailable = undefined")
    page.goto(wlkp.url())
    page.get_by_role("button", name="Masuk dengan passkey").click()
    page.wait_for_function("document.querySelector('[data-failed]').textContent !== ''")
    device.tab.fill(identifier=siti.email, password=siti.password)
    device.tab.send()
    assert device.tab.heading() == "Langkah kedua"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_accounts_own_page_adds_and_removes_one(chromium, landing, siti, home, clock, width):  # noqa: F811
    tab = Tab(chromium, landing, width=width)
    device, page = Device(tab), tab.page
    page.add_init_script("window.PublicKeyCredential.isConditionalMediationAvailable = undefined")
    page.goto(f"{home[1]}/account/methods")
    _accessible(tab, f"sign-in-passkey-{width}")
    tab.fill(identifier=siti.email, password=siti.password)
    page.evaluate("document.querySelector('[data-passkey-ready]').value = ''")
    tab.send()
    page.click("text=Tambah passkey")
    page.click("text=Kirim kode lewat SMS")
    tab.fill(code=siti.outbox.code(siti.e164))
    tab.send()
    _accessible(tab, f"add-passkey-{width}")
    page.get_by_role("button", name="Buat passkey").click()
    page.wait_for_url("**/account/methods")
    assert len(device.credentials()) == 1
    assert "Chrome · Linux" in page.inner_text("main")
    _accessible(tab, f"methods-passkey-{width}")
    page.locator("a[href$='/remove']").first.click()
    page.locator("main .button.danger").click()
    assert "Chrome · Linux" not in page.inner_text("main")
    tab.close()


def test_the_offer_is_accessible(device, siti, wlkp):
    page = device.tab.page
    page.goto(wlkp.url())
    page.wait_for_function("document.querySelector('[data-passkey-ready]').value === '1'")
    device.tab.fill(identifier=siti.email, password=siti.password)
    device.tab.send()
    _accessible(device.tab, "offer")
    page.click("text=Nanti saja, lanjut")
    device.tab.arrives()


def _accessible(tab, name):
    found = Axe().run(tab.page, options=AXE).response["violations"]
    assert not found, [(v["id"], [n["html"] for n in v["nodes"]]) for v in found]
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if os.environ.get("IDP_TEST_SCREENSHOTS"):
        tab.page.screenshot(path=f"{os.environ['IDP_TEST_SCREENSHOTS']}/{name}.png", full_page=True)
