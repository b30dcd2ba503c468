"""What stands in the way of registering and recovering, and that nothing typed is lost by it: outages, limits, taken contacts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from idp import accounts
from idp.accounts import Account
from idp.core.values import EmailAddress, Nik
from idp.storage.database import db

NEW = {"phone": "081398765432", "email": "baru@surat.example"}
DAY = 86400


@contextmanager
def database_away(house) -> Iterator[None]:
    """Nobody reaches the database: existing connections are closed, and new ones refused by the driver."""

    def refused(dialect, *_):
        raise dialect.loaded_dbapi.OperationalError("connection refused")

    with house.app.app_context():
        engine = db.engine
    event.listen(engine, "do_connect", refused)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "do_connect", refused)


def accounts_in(house) -> int:
    with house.app.app_context():
        return db.session.query(Account).count()


@pytest.fixture
def budi(person, service):
    """Somebody new, whom WLKP has sent to register."""
    budi = person("Budi")
    budi.wlkp = service("wlkp")
    budi.wlkp.sends(budi.browser, prompt="create")
    return budi


@pytest.fixture
def siti(person, service, clock):
    """Somebody with an account, a while after the last SMS."""
    siti = person("Siti")
    siti.wlkp = service("wlkp")
    siti.wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(siti.wlkp)
    siti.browser.forget_session()
    clock.shift(61)
    return siti


def wrong(code: str) -> str:
    return "000000" if code != "000000" else "111111"


def begins_identity_recovery(person):
    person.browser.click("Kendala Masuk ke Akun?")
    person.browser.click("Verifikasi identitas diri")
    return person.proves_identity()


def test_registration_survives_an_outage_of_the_database(budi, house):
    with database_away(house):
        page = budi.proves_identity()  # needs no database
        assert page.status == 503 and "Layanan sedang sibuk" in page.text
    budi.browser.open(page.url)
    with database_away(house):
        page = budi.gives_contacts()
        assert page.status == 503 and page.form("email").fields["email"] == budi.email
        assert page.form("phone").fields["phone"] == budi.phone and page.form("password").fields["password"] == ""
        assert budi.password not in page.source
    budi.gives_contacts()
    with database_away(house):
        assert budi.types_the_code().status == 503
    page = budi.browser.open(budi.page.url)
    assert "Kode OTP Anda sudah benar." in page.text and accounts_in(house) == 0, "looking writes nothing"
    page = budi.browser.submit(form=next(form for form in page.forms if form.id == "form-verify"))
    assert "telah berhasil" in page.text and accounts_in(house) == 1
    budi.browser.click("Lanjut ke")
    budi.at(budi.wlkp)


def test_a_second_number_soon_after_says_how_long_to_wait_and_keeps_what_was_typed(budi, person, service):
    budi.proves_identity()
    budi.gives_contacts()
    agus = person("Agus")
    service("jkp").sends(agus.browser, prompt="create")
    agus.proves_identity()
    page = agus.gives_contacts(phone=budi.phone)
    assert page.status == 429 and "Terlalu banyak percobaan" in page.text and "WIB" in page.text
    assert page.form("email").fields["email"] == agus.email


def test_going_back_to_mend_the_address_needs_no_second_code(budi, outbox):
    budi.proves_identity()
    verify = budi.gives_contacts(email="salah@surat.example").url
    page = budi.browser.open(verify.replace("/verify", "/contact"))
    assert page.form("phone").fields["phone"] == budi.phone and page.form("email").fields["email"] == "salah@surat.example"
    assert budi.gives_contacts().heading == "Verifikasi"
    assert len(outbox.to(budi.e164)) == 1
    budi.types_the_code()
    budi.browser.click("Lanjut ke")
    budi.at(budi.wlkp)
    assert budi.wlkp.userinfo().json()["email"] == budi.email


def test_a_code_asked_for_again_too_soon_keeps_the_page(budi):
    budi.proves_identity()
    budi.gives_contacts()
    page = budi.browser.press("/resend")
    assert page.status == 429 and page.heading == "Verifikasi" and "Terlalu banyak percobaan" in page.text
    assert budi.browser.open(page.url).heading == "Verifikasi", "refreshed by its address"
    budi.browser.press("/resend")
    assert "telah berhasil" in budi.types_the_code().text, "the form of the refusing page leads on too"


def test_all_mistakes_of_a_page_are_told_at_once(budi):
    budi.proves_identity()
    page = budi.gives_contacts(email="salah", phone="", password="Lemah1")
    for words in ("Masukkan alamat email lengkap", "Nomor Handphone perlu diisi.", "Minimal 8 karakter."):
        assert words in page.text


def test_five_wrong_codes_ask_for_a_new_one(budi, outbox, clock):
    budi.proves_identity()
    verify = budi.gives_contacts().url
    first = outbox.code(budi.e164)
    for left in (4, 3, 2, 1):
        assert f"Sisa percobaan: {left}." in budi.browser.submit(code=wrong(first)).text
    assert "kode ini tidak berlaku lagi" in budi.browser.submit(code=wrong(first)).text
    page = budi.browser.submit(code=first)
    assert page.status == 429 and "Kode ini tidak berlaku lagi" in page.text, "even the right one comes too late"
    clock.shift(61)
    budi.browser.open(verify)
    budi.browser.press("/resend")
    assert "telah berhasil" in budi.types_the_code().text


def test_one_identity_cannot_have_codes_sent_to_any_number_of_strangers(budi, outbox):
    budi.proves_identity()
    budi.gives_contacts()
    number = budi.browser.click("Ubah nomor HP").url
    for i in range(9):
        budi.browser.open(number)
        assert budi.browser.submit(phone=f"08131111220{i}").status == 200
    budi.browser.open(number)
    page = budi.browser.submit(phone="081311112299")
    assert page.status == 429 and page.heading == "Ubah nomor HP"
    assert outbox.to("+6281311112299") == []


def test_registration_tells_nobody_whose_an_address_is(siti, budi, outbox, house):
    """S28: an address that somebody has proved is not refused, its owner hears of it, and the service that it is unproved."""
    with house.app.app_context():
        accounts.replace_contact(accounts.find_by_nik(Nik(siti.nik)), EmailAddress.parse(siti.email))
    budi.proves_identity()
    assert budi.gives_contacts(email=siti.email).heading == "Verifikasi"
    assert any("mencoba mendaftar" in message.text for message in outbox.to(siti.email))
    assert "telah berhasil" in budi.types_the_code().text
    budi.browser.click("Lanjut ke")
    budi.at(budi.wlkp)
    assert budi.wlkp.userinfo().json()["email_verified"] is False


def test_the_owner_of_a_nik_hears_once_that_somebody_registers_with_it(siti, person, service, outbox):
    impostor = person("Siti")
    service("jkp").sends(impostor.browser, prompt="create")
    page = impostor.proves_identity()
    impostor.browser.open(page.url)
    assert sum("mencoba mendaftar" in message.text for message in outbox.to(siti.e164)) == 1
    assert sum("mencoba mendaftar" in message.text for message in outbox.to(siti.email)) == 1


def test_the_ways_on_from_a_known_nik_open_even_when_registration_was_asked_for(siti, person, service):
    again = person("Siti")
    service("jkp").sends(again.browser, prompt="create")
    known = again.proves_identity()
    assert again.browser.click("Pulihkan akun").heading == "Kendala Masuk ke Akun?"
    again.browser.open(known.url)
    assert again.browser.click("Masuk").heading == "Masuk"


def test_recovery_survives_an_outage_of_the_database(siti, house, clock):
    old = siti.e164
    clock.shift(31 * DAY)
    siti.wlkp.sends(siti.browser)
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi identitas diri")
    with database_away(house):
        page = siti.proves_identity()
        assert page.status == 503 and page.heading == "Kontak dan password baru"
    assert not any("dimulai" in message.text for message in siti.outbox.to(old))
    siti.browser.open(page.url)
    assert any("dimulai" in message.text for message in siti.outbox.to(old)), "the owner hears of it before anything else"
    siti.phone, siti.email, siti.password = NEW["phone"], NEW["email"], "Rembulan!8terbit"
    siti.facts |= {*NEW.values(), siti.e164, siti.password}
    siti.gives_contacts()
    with database_away(house):
        assert siti.types_the_code().status == 503
    page = siti.browser.open(siti.page.url)
    page = siti.browser.submit(form=next(form for form in page.forms if form.id == "form-verify"))
    assert "Akunmu kini telah aktif kembali" in page.text, "the outage has not used up the one success of 30 days"
    siti.browser.click("Masuk")
    siti.signs_in(siti.phone)
    siti.at(siti.wlkp)


def test_a_password_reset_survives_an_outage_of_the_database(siti, house):
    siti.wlkp.sends(siti.browser)
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi lewat nomor handphone")
    with database_away(house):
        page = siti.browser.submit(nik=siti.nik, phone=siti.phone)
        assert page.status == 503 and page.form("nik").fields["nik"] == siti.nik
    siti.browser.submit(nik=siti.nik, phone=siti.phone)
    siti.types_the_code()
    siti.password = "Rembulan!8terbit"
    siti.facts.add(siti.password)
    with database_away(house):
        assert siti.browser.submit(password=siti.password).status == 503
    assert "aktif kembali" in siti.browser.submit(password=siti.password).text
    siti.browser.click("Masuk")
    siti.signs_in()
    siti.at(siti.wlkp)


def test_recovery_tells_nobody_whose_an_address_is(siti, budi, clock):
    """S28: an address of somebody else is not refused in recovery either; it is unproved."""
    budi.registers()
    clock.shift(31 * DAY)
    siti.wlkp.sends(siti.browser)
    begins_identity_recovery(siti)
    siti.phone = NEW["phone"]
    siti.facts |= {siti.phone, siti.e164}
    assert siti.gives_contacts(email=budi.email).heading == "Verifikasi"
    assert "Akunmu kini telah aktif kembali" in siti.types_the_code().text


def test_a_number_recovers_one_account_and_no_second(siti, budi, clock):
    budi.registers()
    budi.browser.forget_session()
    siti.wlkp.sends(siti.browser)
    siti.recovers("identity", **NEW)
    clock.shift(24 * 3600)
    budi.wlkp.sends(budi.browser)
    begins_identity_recovery(budi)
    page = budi.gives_contacts(phone=NEW["phone"], email="lain@surat.example")
    assert page.status == 422 and "baru saja digunakan" in page.text


def test_whoever_recovers_on_the_way_to_registering_comes_to_the_sign_in_page(siti, service):
    service("jkp").sends(siti.browser, prompt="create")
    siti.proves_identity()
    siti.browser.click("Pulihkan akun")
    siti.browser.click("Verifikasi lewat nomor handphone")
    siti.browser.submit(nik=siti.nik, phone=siti.phone)
    siti.types_the_code()
    siti.browser.submit(password="Rembulan!8terbit")
    siti.facts.add("Rembulan!8terbit")
    assert siti.browser.click("Masuk").heading == "Masuk"


def test_nothing_of_recovery_signs_anybody_in(siti):
    siti.wlkp.sends(siti.browser)
    siti.recovers("identity", **NEW)
    assert "idp_session" not in siti.browser.client.cookies
    siti.browser.click("Masuk")
    assert siti.page.form("identifier", "password").id == "form-login"


def test_the_name_in_the_hint_is_there_when_the_page_opens(siti):
    page = siti.wlkp.sends(siti.browser, login_hint=siti.email)
    assert page.form("identifier").fields["identifier"] == siti.email
