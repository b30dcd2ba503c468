"""J4: «Kendala Masuk ke Akun?», the seed's three ways; none of them signs anybody in."""

import pytest

NEW = {"phone": "081398765432", "email": "baru@surat.example"}


@pytest.fixture
def siti(person, service, clock):
    """Somebody with an account, at the sign-in page, who cannot get in; a while after the last SMS."""
    siti = person("Siti")
    siti.wlkp = service("wlkp")
    siti.wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(siti.wlkp)
    siti.browser.forget_session()
    clock.shift(61)
    siti.wlkp.sends(siti.browser)
    return siti


def proves_address(siti, clock):
    """By a code, on the account's page."""
    siti.signs_in()
    siti.at(siti.wlkp)
    siti.browser.open("/account/contacts/email")
    siti.browser.submit(email=siti.email)
    siti.types_the_code(siti.email)
    siti.browser.forget_session()
    clock.shift(61)
    siti.wlkp.sends(siti.browser)


@pytest.mark.parametrize("way", ["phone", "email"])
def test_by_a_contact_that_works_resets_the_password_only(siti, way, outbox, clock):
    if way == "email":
        proves_address(siti, clock)
    old = siti.password
    page = siti.recovers(way)
    assert "Akunmu kini telah aktif kembali dan siap digunakan" in page.text
    siti.browser.click("Masuk")
    assert siti.page.heading == "Masuk", "recovery never signs anybody in"
    assert siti.signs_in(siti.email, old).status == 422
    siti.signs_in()
    siti.at(siti.wlkp)
    assert any("diubah" in message.text for message in outbox.to(siti.email))
    assert any("diubah" in message.text for message in outbox.to(siti.e164))


def test_by_identity_with_new_contacts_and_password(siti, outbox, clock):
    clock.shift(31 * 24 * 3600)
    siti.wlkp.sends(siti.browser)
    old_phone, old_email = siti.e164, siti.email
    page = siti.recovers("identity", **NEW)
    assert "Akunmu kini telah aktif kembali dan siap digunakan" in page.text
    for contact in (old_phone, old_email):
        texts = [message.text for message in outbox.to(contact)]
        assert any("pemulihan akun" in text.lower() and "dimulai" in text or "memulai pemulihan" in text for text in texts), texts
        assert any("dipulihkan" in text for text in texts), texts
    siti.browser.click("Masuk")
    assert siti.signs_in(old_email).status == 422
    siti.signs_in(siti.phone)
    siti.at(siti.wlkp)
    assert siti.wlkp.userinfo().json()["email"] == siti.email


def test_old_contacts_are_warned_as_soon_as_the_facts_match(siti, outbox):
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi identitas diri")
    siti.proves_identity()
    assert any("dimulai" in message.text for message in outbox.to(siti.e164))


def test_the_answer_is_the_same_for_an_account_that_does_not_exist(siti, person, service, outbox):
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi lewat nomor handphone")
    known = siti.browser.submit(nik=siti.nik, phone=siti.phone)
    budi = person("Budi")
    service("wlkp").sends(budi.browser)
    budi.browser.click("Kendala Masuk ke Akun?")
    budi.browser.click("Verifikasi lewat nomor handphone")
    unknown = budi.browser.submit(nik=budi.nik, phone=budi.phone)
    assert known.status == unknown.status == 200
    assert known.text.replace(siti.phone[-4:], "") == unknown.text.replace(budi.phone[-4:], "")
    assert "Jika data cocok dengan sebuah akun, kode OTP sudah kami kirim." in unknown.text
    assert outbox.to(budi.e164) == []
    assert "Kode OTP salah." in budi.browser.submit(code="123456").text


def test_a_contact_of_somebody_else_gets_no_code(siti, outbox):
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi lewat nomor handphone")
    siti.browser.submit(nik=siti.nik, phone="081377778888")
    assert outbox.to("+6281377778888") == []


def test_a_code_is_good_for_its_own_way_only(siti, outbox):
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi lewat nomor handphone")
    siti.browser.submit(nik=siti.nik, phone=siti.phone)
    code = outbox.code(siti.e164)
    siti.browser.open(siti.page.url.replace("/verify", "/email"))
    siti.browser.submit(nik=siti.nik, email=siti.email)
    assert "Kode OTP salah." in siti.browser.submit(code=code).text


def test_recovery_ends_every_old_session(siti, person, service):
    elsewhere = person("Siti")
    service("jkp").sends(elsewhere.browser)
    elsewhere.signs_in()
    siti.recovers("phone")
    jkp = service("jkp")
    jkp.sends(elsewhere.browser, prompt="none")
    assert jkp.answered(elsewhere.browser)["error"] == "login_required"


def test_the_password_page_opens_only_after_the_code(siti):
    siti.browser.click("Kendala Masuk ke Akun?")
    base = siti.page.url
    for step in ("/password", "/verify", "/contact", "/done"):
        page = siti.browser.open(base + step)
        assert "Password baru" not in page.text and "aktif kembali" not in page.text


def test_one_success_per_person_in_thirty_days(siti, clock):
    siti.recovers("identity", **NEW)
    siti.browser.click("Masuk")
    clock.shift(25 * 3600)
    siti.wlkp.sends(siti.browser)
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi identitas diri")
    siti.proves_identity()
    siti.gives_contacts(phone="081355556666", email="lain@surat.example")
    siti.facts.add("+6281355556666")
    assert siti.types_the_code("+6281355556666").status == 429


def test_whoever_has_no_account_is_led_to_registration(person, service):
    budi, wlkp = person("Budi"), service("wlkp")
    wlkp.sends(budi.browser)
    budi.browser.click("Kendala Masuk ke Akun?")
    budi.browser.click("Verifikasi identitas diri")
    budi.proves_identity()
    budi.gives_contacts()
    assert budi.types_the_code().heading == "Belum ada akun"
    budi.browser.press("/register/known")
    assert budi.page.heading == "Pendaftaran Akun"
