"""The pages of the second factor in a real browser: with JavaScript and without, at both widths, accessible."""

import os
import shutil

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.browser.test_in_chromium import AXE, FLAGS, Tab, landing, received, service  # noqa: F401

ESSENTIAL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:mfa"}}}'


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def looked_at(tab, name):
    if tab.javascript:
        found = Axe().run(tab.page, options=AXE).response["violations"]
        assert not found, [(v["id"], [n["html"] for n in v["nodes"]]) for v in found]
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth") if tab.javascript else True
    if os.environ.get("IDP_TEST_SCREENSHOTS"):
        tab.page.screenshot(path=f"{os.environ['IDP_TEST_SCREENSHOTS']}/{name}-{tab.width}.png", full_page=True)


@pytest.mark.parametrize(("javascript", "width", "locale"), [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")])
def test_set_up_an_app_and_use_it(chromium, landing, person, service, clock, javascript, width, locale):  # noqa: F811
    siti, wlkp = person("Siti"), service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    clock.shift(61)
    tab = Tab(chromium, landing, javascript=javascript, width=width, locale=locale)
    tab.javascript, tab.width = javascript, width
    tab.page.goto(wlkp.url(claims=ESSENTIAL))
    tab.fill(identifier=siti.email, password=siti.password)
    tab.send()
    looked_at(tab, "second-none")
    tab.page.locator("button.secondary").click()
    looked_at(tab, "second-sms")
    tab.fill(code=siti.outbox.code(siti.e164))
    tab.send()
    looked_at(tab, "app")
    key = tab.page.inner_text(".key").replace(" ", "")
    tab.fill(code=pyotp.TOTP(key).now())
    tab.send()
    looked_at(tab, "codes")
    code = tab.page.locator(".codes code").first.inner_text()
    tab.send()
    assert received(wlkp, tab)["amr"] == ["pwd", "sms", "otp", "mfa"]
    tab.context.clear_cookies()
    clock.shift(61)
    tab.page.goto(wlkp.url())
    tab.fill(identifier=siti.email, password=siti.password)
    tab.send()
    looked_at(tab, "second-app")
    tab.fill(code="000000")
    tab.send()
    looked_at(tab, "second-wrong")
    tab.page.click("a[href$='recovery-code']")
    looked_at(tab, "recovery-code")
    tab.fill(code=code)
    tab.send()
    assert received(wlkp, tab)["amr"] == ["pwd", "otp", "mfa"]
    tab.page.goto(f"{wlkp.issuer}/account/methods")
    looked_at(tab, "methods")
    tab.page.locator("a[href$='/app/remove']").click()
    looked_at(tab, "remove")
    tab.page.locator("main .button.danger").click()
    tab.page.locator("a[href$='/methods/app']").click()
    looked_at(tab, "add-app")
    tab.close()
