"""Another contact: proved by a code, told to the old one, never somebody else's, and never by an open session alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from idp.probation import Recovery, State, transitions
from idp.storage.database import db
from tests.journeys.test_account import siti, told  # noqa: F401

NEW_PHONE, NEW_EMAIL = "081234569999", "siti.baru@surat.example"


def e164(phone):
    return "+62" + phone[1:]


def asks_for(somebody, kind="phone", value=NEW_PHONE):
    somebody.facts |= {value, e164(value)} if kind == "phone" else {value}
    somebody.browser.open("/account/contacts")
    somebody.browser.open(f"/account/contacts/{kind}")
    return somebody.browser.submit(**{kind: value})


def agrees(somebody, kind="phone"):
    """An old contact agrees by its own code."""
    assert somebody.page.heading == "Konfirmasi dari kontak lama", somebody.page.text[:200]
    form = next(form for form in somebody.page.forms if form.fields.get("to") == kind)
    somebody.browser.submit(form=form)
    return somebody.types_the_code(somebody.e164 if kind == "phone" else somebody.email)


def test_a_password_alone_changes_no_contact(siti, clock, service):  # noqa: F811
    """S4: besides the new contact an old one agrees by a code; an account that was only signed in to keeps its contacts."""
    asks_for(siti)
    siti.types_the_code(e164(NEW_PHONE))
    assert siti.page.heading == "Konfirmasi dari kontak lama"
    for path in ("/account/contacts/verify", "/account/contacts/confirm"):
        siti.browser.open(path)
        form = next(form for form in siti.page.forms if form.id in ("form-verify", "form-confirm") or form.fields.get("to"))
        form.fields.pop("to", None)
        form.action = siti.browser.issuer + path
        siti.browser.submit(form=form, code=siti.outbox.code(e164(NEW_PHONE)))
        assert siti.page.heading == "Konfirmasi dari kontak lama"
    assert siti.phone in siti.browser.open("/account/contacts").text
    siti.browser.open("/account/contacts/confirm")
    assert [form.fields["to"] for form in siti.page.forms if "to" in form.fields] == ["phone"], "no address that nobody proved"
    agrees(siti)
    assert siti.page.heading == "Kontak Anda sudah diubah"


def test_whoever_has_no_old_contact_any_more_is_led_to_recovery(siti):  # noqa: F811
    """S4: recovery by identity is provisional, and the old contacts may say no to it."""
    asks_for(siti)
    siti.types_the_code(e164(NEW_PHONE))
    assert siti.browser.press("/lost").heading == "Masuk"
    assert siti.browser.click("Kendala Masuk ke Akun?").heading == "Kendala Masuk ke Akun?"


def test_a_new_number_replaces_the_old_and_both_are_told(siti, clock, service):  # noqa: F811
    assert asks_for(siti).heading == "Verifikasi"
    siti.types_the_code(e164(NEW_PHONE))
    assert agrees(siti).heading == "Kontak Anda sudah diubah"
    for contact in (siti.e164, e164(NEW_PHONE), siti.email):
        assert any("diubah" in message.text for message in siti.outbox.to(contact)), contact
    siti.browser.open("/account/contacts")
    assert NEW_PHONE in siti.page.text
    assert siti.phone not in siti.page.text
    siti.browser.forget_session()
    siti.browser.open("/account")
    assert siti.signs_in(identifier=siti.phone).status == 422
    assert siti.signs_in(identifier=NEW_PHONE).heading == "Akun saya"


def test_a_new_address_replaces_the_old_and_services_learn_that_it_is_verified(siti, service):  # noqa: F811
    assert asks_for(siti, "email", NEW_EMAIL).heading == "Verifikasi"
    siti.types_the_code(NEW_EMAIL)
    agrees(siti)
    assert any("diubah" in message.text for message in siti.outbox.to(siti.email))
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    wlkp.receives(siti.browser)
    assert {k: wlkp.userinfo().json()[k] for k in ("email", "email_verified")} == {"email": NEW_EMAIL, "email_verified": True}


def test_an_address_that_was_never_proved_can_be_proved_as_it_is(siti, service):  # noqa: F811
    """S5: and nothing of before ends by it, since nothing that was in use is replaced."""
    elsewhere = service("wlkp")
    elsewhere.sends(siti.browser)
    elsewhere.receives(siti.browser)
    assert "Belum diverifikasi" in siti.browser.open("/account/contacts").text
    assert siti.browser.open("/account/contacts/email").form("email").fields["email"] == siti.email
    asks_for(siti, "email", siti.email)
    siti.types_the_code(siti.email)
    assert "Belum diverifikasi" not in siti.browser.open("/account/contacts").text
    assert elsewhere.userinfo().status_code == 200
    assert asks_for(siti, "email", siti.email).status == 422


@pytest.fixture
def budi(person, service, clock):
    budi = person("Budi")
    service("wlkp").sends(budi.browser, prompt="create")
    budi.registers()
    clock.shift(61)
    return budi


def test_somebody_elses_contact_looks_the_same_and_its_owner_is_told(siti, budi):  # noqa: F811
    free = asks_for(budi, value="081234560777").text.replace("08*****0777", "X")
    before = len(siti.outbox.to(siti.e164))
    page = asks_for(budi, value=siti.phone)
    assert page.text.replace("08*****2790", "X") == free
    (message,) = siti.outbox.to(siti.e164)[before:]
    assert "ada yang mencoba memakai nomor handphone ini di akun lain" in message.text
    assert budi.browser.submit(code="123456").status == 422
    # Nothing in the account's own history tells the two apart.
    assert "OTP" not in budi.browser.open("/account/activity").text


def test_of_two_accounts_that_want_one_number_at_once_one_gets_it(siti, budi):  # noqa: F811
    requests = []
    for somebody in (siti, budi):
        asks_for(somebody)
        somebody.types_the_code(e164(NEW_PHONE))
        somebody.browser.submit(form=next(form for form in somebody.page.forms if form.fields.get("to") == "phone"))
        code = somebody.outbox.code(somebody.e164)
        requests.append((somebody.browser, somebody.browser.prepare(somebody.page.form("code"), code=code)))
        somebody.outbox.app.extensions["idp.storage.redis_store"].redis.delete(
            *somebody.outbox.app.extensions["idp.storage.redis_store"].redis.keys("limit:{otp}*")
        )
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: pair[0].client.send(pair[1]), requests))
    assert sorted(answer.status_code for answer in answers) == [303, 422]
    assert "Kontak ini terhubung ke akun lain" in next(answer.text for answer in answers if answer.status_code == 422)


def test_a_wrong_code_changes_nothing(siti):  # noqa: F811
    asks_for(siti)
    code = siti.outbox.code(e164(NEW_PHONE))
    page = siti.browser.submit(code="000000" if code != "000000" else "000001")
    assert "Kode OTP salah. Sisa percobaan: 4." in page.text
    assert siti.phone in siti.browser.open("/account/contacts").text


def test_a_code_is_for_the_contact_that_it_went_to(siti, clock):  # noqa: F811
    asks_for(siti, value="081234560777")
    code = siti.outbox.code("+6281234560777")
    asks_for(siti)
    assert siti.browser.submit(code=code).status == 422


def test_another_code_after_a_minute(siti, clock):  # noqa: F811
    asks_for(siti)
    assert siti.browser.press("/resend").status == 429
    clock.shift(61)
    siti.browser.open("/account/contacts/verify")
    siti.browser.press("/resend")
    assert len(siti.outbox.to(e164(NEW_PHONE))) == 2
    siti.types_the_code(e164(NEW_PHONE))
    assert agrees(siti).heading == "Kontak Anda sudah diubah"


def test_after_twenty_minutes_the_password_is_asked_again(siti, clock):  # noqa: F811
    siti.browser.open("/account")
    asks_for(siti)
    clock.shift(20 * 60)
    for path in ("/account/contacts/phone", "/account/contacts/verify"):
        assert siti.browser.open(path).heading == "Masuk", path


def test_contacts_are_frozen_during_the_probation_after_a_recovery(siti, house):  # noqa: F811
    asks_for(siti)
    with house.app.app_context():
        row = transitions.create(siti.subject, "index", self_service=False)
        db.session.execute(update(Recovery).where(Recovery.id == row.id).values(state=State.PROVISIONAL.value))
        db.session.commit()
    for path in ("/account/contacts/phone", "/account/contacts/email", "/account/contacts/verify"):
        page = siti.browser.open(path)
        assert (page.status, page.heading) == (403, "Belum dapat diubah"), path


def test_one_account_has_codes_sent_to_ten_numbers_a_day_at_most(siti):  # noqa: F811
    for n in range(10):
        assert asks_for(siti, value=f"08123456{n:04d}").heading == "Verifikasi"
    page = asks_for(siti, value="081234568888")
    assert page.status == 429
    assert siti.outbox.to("+6281234568888") == []


def test_without_a_change_there_is_nothing_to_verify(siti):  # noqa: F811
    assert siti.browser.open("/account/contacts/verify").heading == "Kontak"
