"""My account in a real browser: every page with JavaScript and without, at both widths, in both languages, accessible."""

import json

import pytest

from tests.browser.tab import touch

PAGES = (
    "", "/identity", "/contacts", "/contacts/phone", "/contacts/email", "/password", "/methods", "/sessions", "/services",
    "/activity", "/language", "/export", "/delete", "/ending?back=/account",
)  # fmt: skip
WAYS = [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")]


@pytest.fixture(params=WAYS, ids=["phone", "desk", "without-js"])
def account(tab, siti, service, request):
    """Signed in, on the first page; `account.at("/password")` opens another."""
    javascript, width, locale = request.param
    one = tab(javascript=javascript, width=width, locale=locale)
    one.at = lambda path: one.open(service("wlkp").issuer + "/account" + path)
    one.at("")
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    return one


def test_every_page_can_be_read_and_used(account):
    for path in PAGES:
        account.at(path)
        assert account.page.locator("main h1").count() == 1, path
        account.is_sound("account" + path.partition("?")[0].replace("/", "-"))


def test_another_number_a_new_password_and_the_end(account, siti):
    account.at("/contacts/phone")
    account.fill(phone="1")
    account.press("#form-contact button")
    account.is_sound("account-contact-wrong")
    account.fill(phone="081234569999")
    account.press("#form-contact button")
    account.is_sound("account-contact-code")
    account.fill(code=siti.outbox.code("+6281234569999"))
    account.press("#form-verify button")
    account.is_sound("account-contact-confirm")
    account.press("form:has(input[value=phone]) button")
    account.is_sound("account-contact-confirm-code")
    account.fill(code=siti.outbox.code(siti.e164))
    account.press("#form-confirm button")
    account.is_sound("account-contact-changed")
    account.at("/password")
    account.fill(old=siti.password, password="Rembulan!8terbit")
    account.press("#form-password button[type=submit]")
    account.is_sound("account-password-changed")
    account.at("/activity")
    account.press("form[action$='/report'] button")
    account.is_sound("account-reported")
    account.at("/delete")
    account.page.locator("#form-delete [type=checkbox]").check()
    account.press("#form-delete button")
    account.is_sound("account-deletion")
    account.at("")
    account.fill(identifier=siti.nik, password="Rembulan!8terbit")
    account.send()
    account.is_sound("account-deleting")
    account.press("main form[action$='/deleting'] button")
    account.arrives("**/account")


def test_the_file_of_all_data_is_downloaded(account, siti):
    account.at("/export")
    with account.page.expect_download() as download:
        touch(account.page, "main form[action$='/download'] button")
    kept = json.loads(download.value.path().read_text())
    assert kept["account"]["claims"]["nik"] == siti.nik


def test_an_open_page_asks_by_itself_before_its_session_ends(account, house, monkeypatch):
    settings = house.app.extensions["idp.settings"]
    monkeypatch.setitem(house.app.extensions, "idp.settings", settings.model_copy(update={"session_idle_minutes": 2}))
    account.at("/identity")
    account.arrives("**/account/ending?back=**")
    account.is_sound("account-ending")
    account.press("main form[action$='/stay'] button")
    account.arrives("**/account/identity")
