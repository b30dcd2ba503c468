"""Passkeys in a real browser with its virtual authenticator: offered, made, and used without a word typed."""

import pytest

from tests.browser.conftest import moved, received
from tests.browser.tab import touch
from tests.conftest import Outbox
from tests.person import Person

ESSENTIAL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:mfa"}}}'


@pytest.fixture
def wlkp(home, landing):
    return moved(home.app, home.issuer, "wlkp", landing)


@pytest.fixture
def siti(home, wlkp, clock):
    app, issuer = home.app, home.issuer
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
def device(tab):
    return Device(tab())


def makes_a_passkey(device, siti, wlkp):
    one, page = device.tab, device.tab.page
    one.open(wlkp.url())
    page.wait_for_function("document.querySelector('[data-passkey-ready]').value === '1'")
    one.fill(identifier=siti.email, password=siti.password)
    one.send()
    assert one.heading == "Masuk lebih mudah dengan passkey"
    one.press("text=Kirim kode lewat SMS")
    one.fill(code=siti.outbox.code(siti.e164))
    one.send()
    one.press_named("button", "Buat passkey")
    one.arrives()
    assert len(device.credentials()) == 1
    return received(wlkp, one)


def signs_out(device):
    device.tab.context.clear_cookies()


def test_a_passkey_is_made_when_offered_and_signs_in_by_itself(device, siti, wlkp, clock):
    made = makes_a_passkey(device, siti, wlkp)
    assert made["amr"] == ["pwd", "sms", "mfa"]
    signs_out(device)
    clock.shift(61)
    device.tab.open(wlkp.url(claims=ESSENTIAL))  # conditional: the virtual authenticator answers at once
    claims = received(wlkp, device.tab)
    assert claims["sub"] == made["sub"]
    assert set(claims["amr"]) - {"hwk", "swk"} == {"user", "mfa"}
    assert claims["acr"] == "urn:siapkerja:acr:mfa"


def test_a_passkey_is_the_second_factor_after_a_password(device, siti, wlkp, clock):
    makes_a_passkey(device, siti, wlkp)
    signs_out(device)
    clock.shift(61)
    one, page = device.tab, device.tab.page
    page.add_init_script("window.PublicKeyCredential.isConditionalMediationAvailable = undefined")
    one.open(wlkp.url())
    one.fill(identifier=siti.email, password=siti.password)
    one.send()
    assert one.heading == "Verifikasi dua langkah"
    one.press_named("button", "Gunakan passkey")
    assert received(wlkp, one)["amr"][0] == "pwd"


def test_a_device_that_refuses_leaves_the_password(device, siti, wlkp, clock):
    makes_a_passkey(device, siti, wlkp)
    signs_out(device)
    device.refuses()
    one, page = device.tab, device.tab.page
    page.add_init_script("window.PublicKeyCredential.isConditionalMediationAvailable = undefined")
    one.open(wlkp.url())
    touch(page, page.get_by_role("button", name="Masuk dengan passkey"))
    page.wait_for_function("document.querySelector('[data-failed]').textContent !== ''")
    one.fill(identifier=siti.email, password=siti.password)
    one.send()
    assert one.heading == "Verifikasi dua langkah"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_accounts_own_page_adds_and_removes_one(tab, siti, home, width):
    one = tab(width=width)
    device, page = Device(one), one.page
    page.add_init_script("window.PublicKeyCredential.isConditionalMediationAvailable = undefined")
    one.open(f"{home.issuer}/account/methods")
    one.is_sound("sign-in-passkey")
    one.fill(identifier=siti.email, password=siti.password)
    page.evaluate("document.querySelector('[data-passkey-ready]').value = ''")
    one.send()
    one.press("text=Tambah passkey")
    one.press("text=Kirim kode lewat SMS")
    one.fill(code=siti.outbox.code(siti.e164))
    one.send()
    one.arrives("**/account/methods/passkey")
    one.is_sound("add-passkey")
    one.press_named("button", "Buat passkey")
    one.arrives("**/account/methods")
    assert len(device.credentials()) == 1
    assert "Chrome · Linux" in one.text
    one.is_sound("methods-passkey")
    one.press("a[href$='/remove']")
    one.press("main .button.danger")
    assert "Chrome · Linux" not in one.text


def test_the_offer_is_accessible(device, siti, wlkp):
    one = device.tab
    one.open(wlkp.url())
    one.page.wait_for_function("document.querySelector('[data-passkey-ready]').value === '1'")
    one.fill(identifier=siti.email, password=siti.password)
    one.send()
    one.is_sound("offer")
    one.press("text=Nanti saja, lanjut")
    one.arrives()
