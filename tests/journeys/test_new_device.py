"""A sign-in from a browser that the account was never used in is told to the person; the first one of all is not."""

import pytest

from tests.simple_browser import SimpleBrowser


@pytest.fixture
def siti(person, service):
    """Somebody who registered a minute ago."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    return siti


def told(outbox, siti, settled):
    """What arrived at both contacts about new devices."""
    settled()
    texts = [m.text for to in (siti.e164, siti.email) for m in outbox.to(to)]
    return [text for text in texts if "perangkat" in text]


@pytest.fixture
def settled(app):
    """Waits until what goes on in the background is done."""

    def wait() -> None:
        pool = app.extensions.pop("idp.core.background", None)
        if pool is not None:
            pool.shutdown()

    return wait


def signs_in(siti, service):
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    siti.signs_in()
    assert "code" in wlkp.answered(siti.browser)


def test_registering_and_coming_back_surprises_nobody(siti, service, outbox, settled):
    siti.browser.client.cookies.delete("idp_session")
    signs_in(siti, service)
    assert told(outbox, siti, settled) == []


def test_a_new_browser_is_told_to_every_contact_once(siti, service, outbox, settled, issuer):
    siti.browser.forget_session()
    siti.browser.client.headers["User-Agent"] = "Mozilla/5.0 (Linux; Android 14) Chrome/120"
    signs_in(siti, service)
    text, letter = told(outbox, siti, settled)
    assert "perangkat baru (Chrome, Android)" in text and f"{issuer}/bukan-saya" in text
    assert "Chrome · Android" in letter and f"{issuer}/bukan-saya" in letter
    siti.browser.client.cookies.delete("idp_session")
    signs_in(siti, service)
    assert len(told(outbox, siti, settled)) == 2


def test_a_browser_that_another_account_knows_is_new_to_this_one(siti, person, service, outbox, settled):
    budi = person("Budi")
    service("wlkp").sends(budi.browser, prompt="create")
    budi.registers()
    budi.browser.client.cookies.delete("idp_session")
    thief = SimpleBrowser(siti.browser.issuer)
    thief.client.cookies = budi.browser.client.cookies
    siti.browser = thief
    signs_in(siti, service)
    assert len(told(outbox, siti, settled)) == 2


def test_a_wrong_password_makes_no_browser_known(siti, service, outbox, settled):
    siti.browser.forget_session()
    service("wlkp").sends(siti.browser)
    siti.signs_in(password="Salah!9sekali")
    siti.signs_in()
    assert len(told(outbox, siti, settled)) == 2
