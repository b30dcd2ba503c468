"""Pages of whoever may not go on: why, what to do about it, and the way back; in a real browser."""

import pytest

from idp import accounts
from tests.browser.test_in_chromium import Tab, chromium, landing, service  # noqa: F401
from tests.browser.test_second_factor_pages import looked_at

FULL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:penuh"}}}'
WAYS = [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")]


@pytest.mark.parametrize(("javascript", "width", "locale"), WAYS)
def test_a_lock_and_a_service_for_people_whom_officers_have_seen(
    chromium,
    landing,
    person,
    service,
    house,
    clock,
    javascript,
    width,
    locale,  # noqa: F811
):
    siti, wlkp = person("Siti"), service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    subject = siti.at(wlkp)["sub"]
    tab = Tab(chromium, landing, javascript=javascript, width=width, locale=locale)
    tab.javascript, tab.width = javascript, width
    tab.page.goto(wlkp.url(claims=FULL))
    tab.fill(identifier=siti.nik, password=siti.password)
    tab.send()
    looked_at(tab, "assurance")
    with house.app.app_context():
        accounts.lock(accounts.find(subject), "tiket 4711")
    tab.page.get_by_role("link", name="akun lain" if locale == "id-ID" else "another account").click()
    tab.fill(identifier=siti.nik, password=siti.password)
    tab.send()
    assert tab.page.locator("main[data-error=account_locked]").count() == 1
    looked_at(tab, "locked")
    tab.close()
