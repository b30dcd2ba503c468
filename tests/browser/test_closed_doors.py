"""Pages of whoever may not go on: why, what to do about it, and the way back; in a real browser."""

import pytest

from idp import accounts
from idp.core.values import Nik

FULL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:penuh"}}}'
WAYS = [(True, 360, "id-ID"), (True, 1280, "en-GB"), (False, 360, "id-ID")]


@pytest.mark.parametrize(("javascript", "width", "locale"), WAYS)
def test_a_lock_and_a_service_for_people_whom_officers_have_seen(tab, siti, service, house, javascript, width, locale):
    wlkp, one = service("wlkp"), tab(javascript=javascript, width=width, locale=locale)
    one.open(wlkp.url(claims=FULL))
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    one.is_sound("assurance")
    with house.app.app_context():
        accounts.lock(accounts.find_by_nik(Nik.parse(siti.nik)), "tiket 4711")
    one.press_named("link", "akun lain" if locale == "id-ID" else "another account")
    one.fill(identifier=siti.nik, password=siti.password)
    one.send()
    assert one.page.locator("main[data-error=account_locked]").count() == 1
    one.is_sound("locked")
