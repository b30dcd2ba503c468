"""What was proved before a change of the account counts for nothing after it."""

import pytest

from idp import accounts
from tests.recoveries import DAY, NEW, subject_of, vetoes
from tests.simple_browser import SimpleBrowser

STOLEN = "Gerhana!6merah"


@pytest.fixture
def owner(clock, person, service):
    """Siti, who has an account that was quiet for a month."""
    siti = person("Siti")
    siti.wlkp = service("wlkp")
    siti.wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(siti.wlkp)
    clock.shift(31 * DAY)
    return siti


def at_the_password(somebody, phone):
    """«Kendala Masuk ke Akun?» by handphone, as far as the page for the new password."""
    somebody.browser = SimpleBrowser(somebody.browser.issuer)
    somebody.wlkp.sends(somebody.browser)
    somebody.browser.click("Kendala Masuk ke Akun?")
    somebody.browser.click("Verifikasi lewat nomor handphone")
    somebody.browser.submit(nik=somebody.nik, phone=phone)
    somebody.types_the_code("+62" + phone[1:])
    assert "Password" in somebody.page.text
    return somebody


def enters(somebody, password, service):
    browser = SimpleBrowser(somebody.browser.issuer)
    service.sends(browser)
    page = browser.submit(identifier=somebody.nik, password=password)
    return browser.url_of_service is not None or "tidak sesuai" not in page.text


def test_a_thief_who_waits_at_the_new_password_sets_none_after_the_veto(owner, person, outbox, issuer, clock):
    """S1: on probation by his own number, the thief proved it once more, and the owner's no came before his password."""
    thief = person("Siti")
    thief.wlkp = owner.wlkp
    thief.browser = SimpleBrowser(issuer)
    owner.wlkp.sends(thief.browser)
    thief.recovers("identity", new_password=STOLEN, **NEW)
    clock.shift(61)
    at_the_password(thief, NEW["phone"])
    vetoes(outbox, owner.e164, issuer)
    page = thief.browser.submit(password="Purnama!5biru")
    assert page.heading == "Pemulihan tidak dapat diselesaikan"
    assert not enters(owner, "Purnama!5biru", owner.wlkp)
    assert enters(owner, owner.password, owner.wlkp)


def test_a_page_begun_before_a_new_password_sets_none_after_it(owner, person, app):
    """S1: also without any recovery by identity."""
    other = person("Siti")
    other.wlkp = owner.wlkp
    at_the_password(other, owner.phone)
    owner.browser = SimpleBrowser(owner.browser.issuer)
    owner.wlkp.sends(owner.browser)
    with app.app_context():
        account = accounts.find(subject_of(app, owner))
        accounts.change_password(account, account.password_hash, "Matahari!8terbit")
    page = other.browser.submit(password=STOLEN)
    assert page.heading == "Pemulihan tidak dapat diselesaikan"
    assert enters(owner, "Matahari!8terbit", owner.wlkp)


def test_a_locked_account_is_opened_by_nothing_that_a_contact_proves(owner, outbox, app, clock):
    """S12: a lock was undone by a recovery by handphone once officers had lifted it."""
    with app.app_context():
        accounts.lock(accounts.find(subject_of(app, owner)), "tiket 4711")
    before = len(outbox.to(owner.e164))
    browser = SimpleBrowser(owner.browser.issuer)
    owner.wlkp.sends(browser)
    browser.click("Kendala Masuk ke Akun?")
    browser.click("Verifikasi lewat nomor handphone")
    page = browser.submit(nik=owner.nik, phone=owner.phone)
    assert "Periksa pesan masuk Anda" in page.text, "the same words as ever"
    assert [message for message in outbox.to(owner.e164)[before:] if "Kode OTP" in message.text] == []


def test_a_page_begun_before_a_lock_sets_no_password(owner, person, app):
    """S12."""
    thief = person("Siti")
    thief.wlkp = owner.wlkp
    at_the_password(thief, owner.phone)
    with app.app_context():
        accounts.lock(accounts.find(subject_of(app, owner)), "tiket 4711")
    assert thief.browser.submit(password=STOLEN).heading == "Pemulihan tidak dapat diselesaikan"
    with app.app_context():
        accounts.unlock(accounts.find(subject_of(app, owner)), "tiket 4712")
    assert not enters(owner, STOLEN, owner.wlkp)
