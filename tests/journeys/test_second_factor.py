"""The second factor, met on the way to a service: who owes it, what counts, what never does."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pyotp
import pytest

from idp import accounts, authenticators
from idp.authenticators import remembered_devices
from idp.core.clock import timestamp as now
from idp.storage.database import db
from tests.account_rows import put_password
from tests.simple_browser import SimpleBrowser

MFA = "urn:siapkerja:acr:mfa"
ESSENTIAL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:mfa"}}}'


@pytest.fixture
def wlkp(service):
    return service("wlkp")


@pytest.fixture
def siti(person, wlkp, clock):
    """Registered, signed out, a minute later."""
    siti = person("Siti")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.subject = siti.at(wlkp)["sub"]
    siti.browser.forget_session()
    clock.shift(61)
    return siti


def sets_up_the_app(siti, wlkp, clock):
    """By a service that insists: SMS first, then the app; where the recovery codes are shown."""
    wlkp.sends(siti.browser, claims=ESSENTIAL)
    siti.signs_in()
    siti.browser.submit(form=siti.page.form("app"), button=("app", "1"))
    siti.types_the_code()
    siti.key = re.search(r'class="key">([A-Z2-7 ]+)<', siti.page.source)[1].replace(" ", "")
    siti.facts.add(siti.key)
    siti.browser.submit(code=pyotp.TOTP(siti.key).now())
    siti.codes = re.findall(r"<li><code>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", siti.page.source)
    siti.facts |= set(siti.codes)
    siti.browser.press("/codes")
    siti.app_claims = siti.at(wlkp)
    clock.shift(61)


@pytest.fixture
def guarded(siti, wlkp, clock):
    """Siti with an app, signed out."""
    sets_up_the_app(siti, wlkp, clock)
    siti.browser.forget_session()
    return siti


def app_code(siti):
    return pyotp.TOTP(siti.key).now()


def given(siti, **fields):
    return siti.browser.submit(form=siti.page.form("code"), code=app_code(siti), **fields)


def test_an_account_without_a_second_factor_signs_in_as_before(siti, wlkp):
    wlkp.sends(siti.browser)
    siti.signs_in()
    assert siti.at(wlkp)["amr"] == ["pwd"]


def test_whoever_has_an_app_gives_its_code_after_the_password(guarded, wlkp):
    wlkp.sends(guarded.browser)
    page = guarded.signs_in()
    assert page.heading == "Verifikasi dua langkah"
    assert page.url.endswith("/login/otp")
    given(guarded)
    claims = guarded.at(wlkp)
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["acr"] == "urn:siapkerja:acr:data"  # the client asked for no class


def test_no_service_is_reached_before_the_code(guarded, wlkp):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    interaction = guarded.page.url.removesuffix("/login/otp")
    for path in ("", "/consent", "/login/otp/app", "/login/otp/codes", "/login/otp/sms"):
        assert guarded.browser.open(interaction + path).heading == "Verifikasi dua langkah"
    wlkp.sends(guarded.browser, prompt="none")
    assert wlkp.answered(guarded.browser)["error"] == "login_required"


def test_an_essential_class_offers_enrolment_and_is_told_when_reached(siti, wlkp, clock):
    sets_up_the_app(siti, wlkp, clock)
    assert siti.app_claims["acr"] == MFA
    assert siti.app_claims["amr"] == ["pwd", "sms", "otp", "mfa"]
    assert len(siti.codes) == 10
    told = [message.text for message in siti.outbox.to(siti.email)]
    assert any("aplikasi autentikator ditambahkan" in text for text in told)
    assert any("aplikasi autentikator ditambahkan" in message.text for message in siti.outbox.to(siti.e164))


def test_a_code_by_sms_is_a_second_factor_for_whoever_has_none(siti, wlkp):
    wlkp.sends(siti.browser, acr_values=MFA)
    siti.signs_in()
    siti.browser.press("/send")
    assert siti.page.heading == "Verifikasi"
    siti.types_the_code()
    claims = siti.at(wlkp)
    assert claims["amr"] == ["pwd", "sms", "mfa"]
    assert claims["acr"] == MFA


def test_no_app_is_set_up_by_a_password_alone(siti, wlkp):
    wlkp.sends(siti.browser, claims=ESSENTIAL)
    siti.signs_in()
    interaction = siti.page.url.removesuffix("/login/otp")
    assert siti.browser.open(interaction + "/login/otp/app").heading == "Verifikasi dua langkah"
    siti.browser.submit(form=siti.page.form("app"), button=("app", "1"))
    assert siti.browser.open(interaction + "/login/otp/app").heading == "Verifikasi"


def test_a_class_that_is_only_liked_can_be_declined(siti, wlkp):
    wlkp.sends(siti.browser, acr_values=MFA)
    siti.signs_in()
    siti.browser.press("/decline")
    claims = siti.at(wlkp)
    assert claims["acr"] == "urn:siapkerja:acr:data"
    assert "mfa" not in claims["amr"]


@pytest.mark.parametrize("wish", [{"claims": ESSENTIAL}, {}], ids=["the client insists", "the account has an app"])
def test_what_is_owed_cannot_be_declined(guarded, wlkp, wish):
    wlkp.sends(guarded.browser, **wish)
    guarded.signs_in()
    assert "Lanjut tanpa verifikasi dua langkah" not in guarded.page.text
    form = guarded.page.form("code")
    form.action += "/decline"
    assert guarded.browser.submit(form=form).heading == "Verifikasi dua langkah"


def test_a_session_steps_up_with_the_second_factor_alone_and_gets_a_new_secret(guarded, wlkp, clock):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    given(guarded, remember="y")
    guarded.at(wlkp)
    lost = guarded.browser.client.cookies["idp_session"]
    guarded.browser.client.cookies.delete("idp_session")
    clock.shift(61)
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    weak = guarded.at(wlkp)
    assert weak["amr"] == ["pwd"]
    before = guarded.browser.client.cookies["idp_session"]
    clock.shift(61)
    assert wlkp.sends(guarded.browser, claims=ESSENTIAL).heading == "Verifikasi dua langkah"
    given(guarded)
    raised = guarded.at(wlkp)
    assert raised["acr"] == MFA
    assert raised["amr"] == ["pwd", "otp", "mfa"]
    assert raised["auth_time"] == weak["auth_time"]  # max_age still asks for the password
    after = guarded.browser.client.cookies["idp_session"]
    assert after != before
    assert after.partition(".")[0] == before.partition(".")[0] != lost.partition(".")[0]  # one session, under a new secret
    thief = SimpleBrowser(guarded.browser.issuer)
    thief.client.cookies.set("idp_session", before)
    wlkp.sends(thief, prompt="none")
    assert wlkp.answered(thief)["error"] == "login_required"


def test_stepping_up_lengthens_no_session(siti, wlkp, clock):
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)
    for _ in range(47):  # used all the time, so never idle
        clock.shift(15 * 60)
        wlkp.sends(siti.browser, prompt="none")
        assert "code" in wlkp.answered(siti.browser)
    wlkp.sends(siti.browser, claims=ESSENTIAL)
    siti.browser.press("/send")
    siti.types_the_code()
    assert siti.at(wlkp)["acr"] == MFA
    clock.shift(16 * 60)
    wlkp.sends(siti.browser, prompt="none")
    assert wlkp.answered(siti.browser)["error"] == "login_required"


def test_without_a_page_an_essential_class_is_refused_and_a_liked_one_is_not(siti, wlkp):
    wlkp.sends(siti.browser, prompt="none", claims=ESSENTIAL)
    assert wlkp.answered(siti.browser)["error"] == "login_required"
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)
    wlkp.sends(siti.browser, prompt="none", claims=ESSENTIAL)
    assert wlkp.answered(siti.browser)["error"] == "interaction_required"
    wlkp.sends(siti.browser, prompt="none", acr_values=MFA)
    assert siti.at(wlkp)["acr"] == "urn:siapkerja:acr:data"
    wlkp.sends(siti.browser, prompt="none", claims=ESSENTIAL.replace("mfa", "penuh"))
    assert wlkp.answered(siti.browser)["error"] == "unmet_authentication_requirements"
    wlkp.sends(siti.browser, claims=ESSENTIAL.replace("mfa", "unknown"))
    siti.signs_in()
    assert wlkp.answered(siti.browser)["error"] == "unmet_authentication_requirements"


def test_a_service_for_people_whom_officers_have_seen_says_how_to_be_seen(siti, wlkp, house):
    full = ESSENTIAL.replace("mfa", "penuh")
    wlkp.sends(siti.browser, claims=full)
    assert siti.signs_in().heading == "Identitas Anda perlu diperiksa petugas"
    assert "KTP-el" in siti.page.text and siti.page.link("Hubungi Layanan Bantuan Kemnaker")
    siti.browser.back_to_service()
    assert wlkp.answered(siti.browser)["error"] == "access_denied"
    with house.app.app_context():
        accounts.set_assurance_level(accounts.find(siti.subject), "urn:siapkerja:acr:penuh", "tiket 4711")
    wlkp.sends(siti.browser, claims=full)
    siti.signs_in()
    assert siti.at(wlkp)["acr"] == "urn:siapkerja:acr:penuh"


def test_a_class_that_is_reached_already_is_not_asked_for(siti, wlkp):
    wlkp.sends(siti.browser, acr_values=f"urn:siapkerja:acr:data {MFA}")
    siti.signs_in()
    assert siti.at(wlkp)["acr"] == "urn:siapkerja:acr:data"


def test_a_used_code_is_refused_the_second_time(guarded, wlkp):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    code = app_code(guarded)
    guarded.browser.submit(code=code)
    guarded.at(wlkp)
    guarded.browser.forget_session()
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    page = guarded.browser.submit(code=code)
    assert page.status == 422
    assert "Kode salah atau sudah digunakan." in page.text


def test_a_code_older_than_the_last_used_one_is_refused(guarded, wlkp, clock):
    older = app_code(guarded)
    clock.shift(30)
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    given(guarded)
    guarded.at(wlkp)
    guarded.browser.forget_session()
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    assert guarded.browser.submit(code=older).status == 422


def test_of_two_requests_with_one_code_one_gets_in(guarded, wlkp):
    ready = []
    for _ in range(2):
        browser = SimpleBrowser(guarded.browser.issuer)
        browser.open(wlkp.url())
        browser.submit(identifier=guarded.nik, password=guarded.password)
        ready.append(browser.prepare(browser.page.form("code"), code=app_code(guarded)))
        ready[-1] = (browser, ready[-1])
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(lambda one: one[0].send(one[1]).status_code, ready))
    assert answers == [303, 422]


def test_ten_wrong_codes_pause_the_account_whichever_kind(guarded, wlkp, clock):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    for n in range(5):
        assert guarded.browser.submit(code=f"00000{n}").status == 422
    guarded.browser.click("Gunakan kode pemulihan")
    for _ in range(5):
        assert guarded.browser.submit(code="AAAAA-AAAAA").status == 422
    page = guarded.browser.submit(code=guarded.codes[0])
    assert page.status == 429
    assert "Terlalu banyak percobaan" in page.text
    clock.shift(15 * 60 + 1)
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    given(guarded)
    assert "mfa" in guarded.at(wlkp)["amr"]


def test_a_recovery_code_works_once_and_its_use_is_told(guarded, wlkp):
    for expected in (303, 422):
        guarded.browser.forget_session()
        wlkp.sends(guarded.browser)
        guarded.signs_in()
        guarded.browser.click("Gunakan kode pemulihan")
        request = guarded.browser.prepare(guarded.page.form("code"), code=guarded.codes[3].lower().replace("-", " "))
        assert guarded.browser.send(request).status_code == expected
    assert any("kode pemulihan dipakai" in message.text for message in guarded.outbox.to(guarded.email))


def test_sms_stands_in_only_when_no_recovery_code_is_left(guarded, wlkp, app, clock):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    assert "lewat SMS" not in guarded.page.text
    form = guarded.page.form("code")
    form.action += "/send"
    sent = len(guarded.outbox.to(guarded.e164))
    assert guarded.browser.submit(form=form).heading == "Verifikasi dua langkah"
    assert len(guarded.outbox.to(guarded.e164)) == sent
    with app.test_request_context():
        for code in guarded.codes:
            authenticators.recovery_codes.verify(guarded.subject, code)
    clock.shift(61)
    guarded.browser.open(guarded.page.url)
    guarded.browser.press("/send")
    guarded.types_the_code()
    assert guarded.at(wlkp)["amr"] == ["pwd", "sms", "mfa"]


def test_a_remembered_device_is_excused_for_thirty_days_and_no_other(guarded, wlkp, clock):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    given(guarded, remember="y")
    guarded.at(wlkp)
    cookie = guarded.browser.client.cookies["idp_device"]
    guarded.browser.client.cookies.delete("idp_session")
    clock.shift(29 * 86400)
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    assert guarded.at(wlkp)["amr"] == ["pwd"]
    other = SimpleBrowser(guarded.browser.issuer)
    other.open(wlkp.url())
    assert other.submit(identifier=guarded.nik, password=guarded.password).heading == "Verifikasi dua langkah"
    clock.shift(86400 + 1)
    guarded.browser.forget_session()
    guarded.browser.client.cookies.set("idp_device", cookie)
    wlkp.sends(guarded.browser)
    assert guarded.signs_in().heading == "Verifikasi dua langkah"


def test_a_new_password_forgets_every_device(guarded, wlkp, app, clock):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    given(guarded, remember="y")
    guarded.at(wlkp)
    clock.shift(61)
    with app.test_request_context():
        put_password(accounts.find(guarded.subject), "Rembulan!8terbit")
        assert remembered_devices.count(guarded.subject) == 0
    guarded.facts.add("Rembulan!8terbit")
    guarded.browser.client.cookies.delete("idp_session")
    wlkp.sends(guarded.browser)
    assert guarded.signs_in(password="Rembulan!8terbit").heading == "Verifikasi dua langkah"


def test_remembering_gives_the_browser_a_new_secret_each_time(guarded, wlkp, clock):
    seen = set()
    for _ in range(2):
        wlkp.sends(guarded.browser, claims=ESSENTIAL, prompt="login")
        guarded.signs_in()
        given(guarded, remember="y")
        guarded.at(wlkp)
        seen.add(guarded.browser.client.cookies["idp_device"])
        clock.shift(61)
    assert len(seen) == 2
    thief = SimpleBrowser(guarded.browser.issuer)
    thief.client.cookies.set("idp_device", (seen - {guarded.browser.client.cookies["idp_device"]}).pop())
    thief.open(wlkp.url())
    assert thief.submit(identifier=guarded.nik, password=guarded.password).heading == "Verifikasi dua langkah"


def test_an_account_that_is_locked_meanwhile_is_refused(guarded, wlkp, app):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    with app.test_request_context():
        accounts.lock(accounts.find(guarded.subject), "test")
    assert guarded.browser.submit(form=guarded.page.form("code"), code="000000").heading == "Masuk"  # not even looked at
    assert "dikunci" in guarded.signs_in().text


def test_another_account_gains_nothing_from_a_second_factor_given_before(guarded, person, wlkp, clock):
    budi = person("Budi")
    wlkp.sends(budi.browser, prompt="create")
    budi.registers()
    budi.at(wlkp)
    wlkp.sends(guarded.browser, claims=ESSENTIAL)
    guarded.signs_in()
    interaction = guarded.page.url.removesuffix("/login/otp")
    right = guarded.browser.prepare(guarded.page.form("code"), code=app_code(guarded))
    assert guarded.browser.send(right).status_code == 303  # given, and the door not passed yet
    guarded.browser.open(interaction + "/login")
    page = guarded.browser.submit(identifier=budi.nik, password=budi.password)
    assert page.heading == "Verifikasi dua langkah"
    assert "akun Anda belum memilikinya" in page.text


def test_a_device_is_remembered_for_one_account_and_not_for_whoever_else_uses_it(guarded, person, wlkp, clock):
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    given(guarded, remember="y")
    guarded.at(wlkp)
    budi = person("Budi")
    wlkp.sends(budi.browser, prompt="create")
    budi.registers()
    budi.at(wlkp)
    budi.browser.forget_session()
    clock.shift(61)
    sets_up_the_app(budi, wlkp, clock)
    budi.browser = guarded.browser
    budi.browser.client.cookies.delete("idp_session")
    wlkp.sends(budi.browser)
    assert budi.signs_in().heading == "Verifikasi dua langkah"


def test_suspended_authenticators_prove_nothing_until_they_are_restored(guarded, wlkp, app, clock):
    with app.test_request_context():
        authenticators.suspend_all(guarded.subject, "recovery-1")
        db.session.commit()
        assert not authenticators.enrolled_for(guarded.subject).any
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    assert guarded.at(wlkp)["amr"] == ["pwd"]
    guarded.browser.forget_session()
    with app.test_request_context():
        assert authenticators.restore_all(guarded.subject, "another", now()) == 0
        db.session.commit()
        assert authenticators.restore_all(guarded.subject, "recovery-1", now()) == 11
        db.session.commit()
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    given(guarded)
    assert guarded.at(wlkp)["amr"] == ["pwd", "otp", "mfa"]


def test_the_qr_code_is_an_image_that_the_policy_allows_and_holds_the_key(siti, wlkp):
    wlkp.sends(siti.browser, claims=ESSENTIAL)
    siti.signs_in()
    siti.browser.submit(form=siti.page.form("app"), button=("app", "1"))
    siti.types_the_code()
    source = re.search(r'class="qr" src="([^"]+)"', siti.page.source)[1]
    assert source.startswith("data:image/svg+xml")
    assert "<svg" in unquote(source)
    assert "img-src 'self' https: data:" in siti.browser.last.headers["Content-Security-Policy"]
    siti.browser.press("/without-app")
    assert siti.at(wlkp)["amr"] == ["pwd", "sms", "mfa"]
