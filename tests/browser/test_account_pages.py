"""My account in a real browser: every page with JavaScript and without, at both widths, in both languages, accessible."""

import json

import pytest

from tests.browser.test_in_chromium import Tab, chromium, landing, service  # noqa: F401
from tests.browser.test_second_factor_pages import looked_at

PAGES = (
    "", "/identity", "/contacts", "/contacts/phone", "/contacts/email", "/password", "/methods", "/sessions", "/services",
    "/activity", "/language", "/export", "/delete", "/ending?back=/account",
)  # fmt: skip
WAYS = [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")]


@pytest.fixture
def siti(person, service, clock):  # noqa: F811
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    clock.shift(61)
    return siti


@pytest.fixture(params=WAYS, ids=["phone", "desk", "without-js"])
def tab(chromium, landing, siti, service, request):  # noqa: F811
    """Signed in, on the first page."""
    javascript, width, locale = request.param
    tab = Tab(chromium, landing, javascript=javascript, width=width, locale=locale)
    tab.javascript, tab.width = javascript, width
    tab.page.goto(service("wlkp").issuer + "/account")
    tab.fill(identifier=siti.nik, password=siti.password)
    tab.send()
    tab.at = lambda path: tab.page.goto(service("wlkp").issuer + "/account" + path)
    yield tab
    tab.close()


def test_every_page_can_be_read_and_used(tab):
    for path in PAGES:
        tab.at(path)
        assert tab.page.locator("main h1").count() == 1, path
        looked_at(tab, "account" + path.partition("?")[0].replace("/", "-"))


def test_another_number_a_new_password_and_the_end(tab, siti):
    tab.at("/contacts/phone")
    tab.fill(phone="1")
    tab.page.locator("#contact button").click()
    looked_at(tab, "account-contact-wrong")
    tab.fill(phone="081234569999")
    tab.page.locator("#contact button").click()
    looked_at(tab, "account-contact-code")
    tab.fill(code=siti.outbox.code("+6281234569999"))
    tab.page.locator("#verify button").click()
    looked_at(tab, "account-contact-changed")
    tab.at("/password")
    tab.fill(old=siti.password, password="Rembulan!8terbit")
    tab.page.locator("#password button[type=submit]").click()
    looked_at(tab, "account-password-changed")
    tab.at("/activity")
    tab.page.locator("form[action$='/report'] button").first.click()
    looked_at(tab, "account-reported")
    tab.at("/delete")
    tab.page.locator("#delete [type=checkbox]").check()
    tab.page.locator("#delete button").click()
    looked_at(tab, "account-deletion")
    tab.at("")
    tab.fill(identifier=siti.nik, password="Rembulan!8terbit")
    tab.send()
    looked_at(tab, "account-deleting")
    tab.page.locator("main form[action$='/deleting'] button").click()
    tab.page.wait_for_url("**/account")


def test_the_file_of_all_data_is_downloaded(tab, siti):
    tab.at("/export")
    with tab.page.expect_download() as download:
        tab.page.locator("main form[action$='/download'] button").click()
    kept = json.loads(download.value.path().read_text())
    assert kept["account"]["claims"]["nik"] == siti.nik


def test_an_open_page_asks_by_itself_before_its_session_ends(tab, house, monkeypatch):
    settings = house.app.extensions["idp.settings"]
    monkeypatch.setitem(house.app.extensions, "idp.settings", settings.model_copy(update={"session_idle_minutes": 2}))
    tab.at("/identity")
    tab.page.wait_for_url("**/account/ending?back=**")
    looked_at(tab, "account-ending")
    tab.page.locator("main form[action$='/stay'] button").click()
    tab.page.wait_for_url("**/account/identity")
