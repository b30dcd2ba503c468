"""The pages of a recovery by identity in a real browser: with JavaScript and without, at both widths, accessible."""

import json

import pytest

from idp.core.values import ACR_FULL
from tests.browser.test_in_chromium import Tab, landing, received, service  # noqa: F401
from tests.browser.test_second_factor_pages import chromium, looked_at  # noqa: F401
from tests.recoveries import NEW, links, phone_confirms

MUST = json.dumps({"id_token": {"acr": {"essential": True, "value": ACR_FULL}}})
BROWSERS = pytest.mark.parametrize(
    ("javascript", "width", "locale"), [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")]
)


@pytest.fixture
def opened(chromium, landing, person, service, clock):  # noqa: F811
    """Somebody with an account, and a browser at the page with the three ways to recover it."""
    tabs = []

    def made(javascript, width, locale):
        siti, wlkp = person("Siti"), service("wlkp")
        wlkp.sends(siti.browser, prompt="create")
        siti.registers()
        siti.wlkp, siti.jkp = wlkp, service("jkp")
        clock.shift(61)
        tab = Tab(chromium, landing, javascript=javascript, width=width, locale=locale)
        tab.javascript, tab.width = javascript, width
        tabs.append(tab)
        tab.page.goto(wlkp.url())
        tab.page.click("a[href$='/recover']")
        tab.page.click("a[href$='/recover/identity']")
        tab.fill(nik=siti.nik, name=siti.full_name, mothers_name=siti.mothers_name)
        tab.send()
        return siti, tab

    yield made
    for tab in tabs:
        tab.close()


def gives_contacts(siti, tab, name):
    looked_at(tab, f"recovery-contact-{name}")
    tab.fill(**NEW, password="Rembulan!8terbit")
    tab.send()
    tab.fill(code=siti.outbox.code("+6281398765432"))
    tab.send()


@BROWSERS
def test_provisional_limited_and_vetoed(opened, javascript, width, locale):
    siti, tab = opened(javascript, width, locale)
    gives_contacts(siti, tab, "provisional")
    looked_at(tab, "recovery-provisional")
    tab.page.locator("main a.button.primary").click()
    tab.fill(identifier=siti.nik, password="Rembulan!8terbit")
    tab.send()
    received(siti.wlkp, tab)
    tab.page.goto(siti.jkp.url(claims=MUST))
    looked_at(tab, "recovery-limited")
    tab.page.goto(siti.jkp.url(acr_values=ACR_FULL))
    looked_at(tab, "recovery-limited-liked")
    tab.page.click("a[href$='/login']")
    tab.fill(identifier=siti.nik, password=siti.password)
    tab.send()
    looked_at(tab, "recovery-asked-at-sign-in")
    tab.page.goto(links(siti.outbox, siti.e164)[-1])
    looked_at(tab, "veto-ask")
    tab.page.click("main .button.danger")
    looked_at(tab, "veto-answered")
    tab.page.reload()
    looked_at(tab, "veto-used")
    tab.page.goto(links(siti.outbox, siti.email)[-1])
    looked_at(tab, "veto-over")


@BROWSERS
def test_waiting_and_withdrawn(opened, app, javascript, width, locale):
    siti, tab = opened(javascript, width, locale)
    phone_confirms(app)
    gives_contacts(siti, tab, "waiting")
    looked_at(tab, "recovery-waiting")
    tab.page.click("main .button.danger")
    looked_at(tab, "recovery-withdrawn")
    tab.page.goto(links(siti.outbox, siti.e164)[0])
    looked_at(tab, "veto-over-cancelled")
