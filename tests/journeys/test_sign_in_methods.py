"""Keamanan masuk: what guards the account, seen and ruled by its owner, after a second factor given lately."""

import re

import pyotp
import pytest
from sqlalchemy import update

from idp import authenticators
from idp.account import sign_in_methods
from idp.probation import Recovery, State, transitions
from idp.storage.database import db
from idp.storage.sealing import sealer
from tests.conftest import Outbox
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.simple_browser import SimpleBrowser
from tests.soft_passkey import SoftPasskey, options_of

METHODS = "/account/methods"


@pytest.fixture
def siti(home, clock, tripwire):
    """Registered a minute ago, signed out."""
    app, issuer = home.app, home.issuer
    siti = Person.named("Siti", issuer, Outbox(app))
    tripwire.watch(siti.facts)
    wlkp = RelyingParty.of_demo(issuer, "wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.subject = siti.at(wlkp)["sub"]
    siti.browser.forget_session()
    clock.shift(61)
    return siti


@pytest.fixture
def inside(siti, clock):
    """On the page, signed in with a password and a code by SMS."""
    siti.browser.open(METHODS + "/app")
    siti.signs_in()
    siti.browser.press("/send")
    siti.types_the_code()
    clock.shift(61)
    return siti


def adds_the_app(siti):
    siti.browser.open(METHODS)
    siti.browser.click("Pasang aplikasi autentikator")
    key = re.search(r'class="key">([A-Z2-7 ]+)<', siti.page.source)[1].replace(" ", "")
    siti.facts.add(key)
    siti.browser.submit(code=pyotp.TOTP(key).now())
    codes = re.findall(r"<li><code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", siti.page.source)
    siti.facts |= set(codes)
    return key, codes


def adds_a_passkey(siti):
    siti.browser.open(METHODS)
    siti.browser.click("Tambah passkey")
    form = next(f for f in siti.page.forms if f.attributes.get("data-passkey"))
    siti.browser.submit(form=form, credential=SoftPasskey(siti.browser.issuer).creates(options_of(siti.page, "create")))


def told(siti, words):
    return [any(words in message.text for message in siti.outbox.to(contact)) for contact in (siti.email, siti.e164)]


def test_the_page_signs_people_in_as_any_service_does_and_comes_back(siti):
    assert siti.browser.open(METHODS).heading == "Masuk"
    siti.signs_in()
    assert siti.page.url.endswith(METHODS)
    assert siti.page.heading == "Keamanan masuk"
    assert "Akun Anda hanya dilindungi password" in siti.page.text


def test_going_back_from_the_sign_in_page_leads_home(siti):
    siti.browser.open(METHODS)
    siti.browser.back_to_service()
    assert siti.page.url.rstrip("/") == siti.browser.issuer


def test_nothing_is_changed_without_a_second_factor(siti):
    siti.browser.open(METHODS)
    siti.signs_in()
    for path in ("/app", "/passkey", "/app/remove", "/codes"):
        assert siti.browser.open(METHODS + path).heading == "Verifikasi dua langkah", path


def test_an_app_is_added_with_its_recovery_codes_and_removed_and_each_is_told(inside, home):
    key, codes = adds_the_app(inside)
    assert len(codes) == 10
    assert inside.browser.open(inside.page.url).heading == "Simpan kode pemulihan"  # a refresh shows them again
    inside.browser.open(METHODS)
    assert "Terpasang." in inside.page.text
    assert "Sisa kode: 10." in inside.page.text
    inside.browser.click("Hapus aplikasi autentikator")
    with home.app.app_context():
        assert authenticators.enrolled_for(inside.subject).totp
    inside.browser.press("/remove")
    with home.app.app_context():
        assert not authenticators.enrolled_for(inside.subject).totp
    assert told(inside, "aplikasi autentikator ditambahkan") == [True, True]
    assert told(inside, "aplikasi autentikator dihapus") == [True, True]


def test_a_wrong_code_keeps_the_same_key(inside):
    inside.browser.open(METHODS + "/app")
    key = re.search(r'class="key">([A-Z2-7 ]+)<', inside.page.source)[1]
    page = inside.browser.submit(code="000000")
    assert page.status == 422
    assert key in page.source


def test_the_key_that_a_form_carries_is_of_this_account_only(inside, home):
    inside.browser.open(METHODS + "/app")
    form = inside.page.form("key")
    thiefs = pyotp.random_base32()
    with home.app.app_context():
        sealed_for_the_thief = sealer().seal(thiefs, sign_in_methods._context("the thief"))
    for key in (thiefs, sealed_for_the_thief):
        form.fields["key"] = key
        assert inside.browser.submit(form=form, code=pyotp.TOTP(thiefs).now()).status == 422
    with home.app.app_context():
        assert not authenticators.enrolled_for(inside.subject).any


def test_a_passkey_is_added_listed_and_removed(inside):
    adds_a_passkey(inside)
    assert inside.page.heading == "Keamanan masuk"
    (removal,) = [href for _, href in inside.page.links if href.endswith("/remove")]
    assert inside.browser.open(removal).heading.startswith("Hapus passkey")
    inside.browser.press("/remove")
    assert not any(href.endswith("/remove") for _, href in inside.page.links)
    assert told(inside, "passkey) ditambahkan") == [True, True]
    assert told(inside, "passkey) dihapus") == [True, True]


def test_nobody_removes_somebody_elses_passkey(inside, home, clock):
    adds_a_passkey(inside)
    with home.app.app_context():
        (mine,) = authenticators.enrolled_for(inside.subject).passkeys
        assert not authenticators.passkeys.remove("somebody else", mine.id)
        assert len(authenticators.enrolled_for(inside.subject).passkeys) == 1


def test_new_recovery_codes_replace_the_old(inside, home):
    _, old = adds_the_app(inside)
    inside.browser.open(METHODS)
    inside.browser.press("/codes")
    new = re.findall(r"<li><code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", inside.page.source)
    inside.facts |= set(new)
    assert len(new) == 10
    assert not set(old) & set(new)
    assert told(inside, "kode pemulihan baru dibuat") == [True, True]


def test_after_twenty_minutes_password_and_second_factor_are_asked_again(inside, clock):
    key, _ = adds_the_app(inside)
    clock.shift(20 * 60 + 1)
    assert inside.browser.open(METHODS + "/passkey").heading == "Masuk"
    inside.signs_in()
    assert inside.page.heading == "Verifikasi dua langkah"
    inside.browser.submit(form=inside.page.form("code"), code=pyotp.TOTP(key).now())
    assert inside.page.heading == "Tambah passkey"


def test_shown_codes_are_the_sessions_own_and_soon_gone(inside, clock):
    adds_the_app(inside)
    clock.shift(601)
    store = inside.outbox.app.extensions["idp.storage.redis_store"].redis
    for key in store.scan_iter("codes-shown:*"):
        assert 0 < store.ttl(key) <= 600


def test_every_remembered_device_can_be_forgotten(inside, home, clock):
    key, _ = adds_the_app(inside)
    clock.shift(20 * 60 + 1)
    inside.browser.open(METHODS + "/passkey")
    inside.signs_in()
    inside.browser.submit(form=inside.page.form("code"), code=pyotp.TOTP(key).now(), remember="y")
    inside.browser.open(METHODS)
    assert "Perangkat yang tidak dimintai verifikasi dua langkah selama 30 hari: 1." in inside.page.text
    inside.browser.press("/devices/forget")
    assert "Perangkat yang tidak dimintai verifikasi dua langkah selama 30 hari: 0." in inside.page.text


def test_every_change_wants_the_page_of_ours(inside):
    adds_the_app(inside)
    inside.browser.open(METHODS)
    form = next(f for f in inside.page.forms if f.action.endswith("/codes"))
    form.fields.pop("csrf_token")
    assert inside.browser.submit(form=form).status == 400


def test_nothing_is_added_during_the_probation_after_a_recovery(inside, home):
    with home.app.app_context():
        row = transitions.create(inside.subject, "index", self_service=False)
        db.session.execute(update(Recovery).where(Recovery.id == row.id).values(state=State.PROVISIONAL.value))
        db.session.commit()
    for path in ("/app", "/passkey", "/codes"):
        page = inside.browser.open(METHODS + path)
        assert page.status == 403, path
        assert page.heading == "Belum dapat diubah"
    inside.browser.click("Kembali ke akun saya")
    assert inside.page.heading == "Akun saya"
    assert "Akun Anda baru dipulihkan" in inside.page.text


def test_the_way_back_is_ours_alone(siti):
    browser = SimpleBrowser(siti.browser.issuer)
    page = browser.open("/account/callback?state=https://evil.example/&code=x")
    assert page.url.startswith(siti.browser.issuer)
