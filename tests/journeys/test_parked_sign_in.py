"""A sign-in that waits in the corridor does not outlive what ended all sessions."""

import pytest

from idp import accounts
from idp.core.values import Nik
from tests.account_rows import put_password


@pytest.fixture
def thief(person, service, clock):
    """Somebody who knew the password, and stopped right behind the sign-in page, before the door."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    service("wlkp").sends(siti.browser)
    form = siti.browser.page.form("identifier", "password")
    parked = siti.browser.send(siti.browser.prepare(form, identifier=siti.nik, password=siti.password))
    assert parked.status_code == 303
    siti.parked = parked.headers["Location"]
    clock.shift(60)
    return siti


def account(app, siti):
    return accounts.find_by_nik(Nik.parse(siti.nik))


def test_it_goes_on_when_nothing_happened(thief):
    thief.browser.open(thief.parked)
    assert "code=" in thief.browser.url_of_service


@pytest.mark.parametrize("act", ["password", "recovery", "lock"])
def test_it_is_over_with_a_new_password_a_recovery_or_a_lock(thief, app, act):
    with app.app_context():
        found = account(app, thief)
        if act == "password":
            put_password(found, "Rembulan!8terbit")
        elif act == "recovery":
            accounts.recover(found, found.phone, found.email, "none")
        else:
            accounts.lock(found, "tiket 4711")
    thief.browser.open(thief.parked)
    assert thief.browser.url_of_service is None
    assert thief.browser.page.heading == "Masuk"
