"""J4 by identity: immediate but provisional; the old contacts, the old password and time decide what becomes of it."""

import json

import pytest

from idp import probation
from idp.core.values import ACR_DATA, ACR_FULL, ACR_RECOVERED
from idp.probation import answers as decisions
from tests import loopback
from tests.account_rows import queued_events
from tests.recoveries import (
    DAY,
    HOUR,
    NEW,
    answers,
    links,
    newest,
    phone_confirms,
    proves,
    recovers_after_confirmation,
    subject_of,
    vetoes,
)
from tests.simple_browser import SimpleBrowser

MUST = json.dumps({"id_token": {"acr": {"essential": True, "values": [ACR_FULL, ACR_DATA]}}})


@pytest.fixture
def siti(person, service, clock):
    """Somebody with an account that is in use elsewhere, in a new browser at the sign-in page."""
    siti = person("Siti")
    siti.wlkp = service("wlkp")
    siti.wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(siti.wlkp)
    siti.old = {"phone": siti.e164, "email": siti.email, "password": siti.password}
    siti.elsewhere = siti.browser
    siti.browser = SimpleBrowser(siti.browser.issuer)
    clock.shift(61)
    siti.wlkp.sends(siti.browser)
    return siti


@pytest.fixture
def quiet(siti, clock):
    """The same a month later: nobody has used the account meanwhile."""
    clock.shift(31 * DAY)
    siti.wlkp.sends(siti.browser)
    return siti


@pytest.fixture
def recovered(quiet, app):
    """The same, recovered by identity and signed in again."""
    siti = quiet
    recovers_after_confirmation(siti, app)
    siti.done = siti.page
    siti.browser.click("Masuk")
    siti.signs_in(siti.phone)
    return siti


def test_it_is_active_at_once_with_lowered_power(recovered):
    assert recovered.done.heading == "Akun Anda aktif kembali"
    assert "Akunmu kini telah aktif kembali dan siap digunakan" in recovered.done.text
    assert "baru tersedia mulai 5 April 2026 pukul 12.01 WIB" in recovered.done.text
    claims = recovered.at(recovered.wlkp)
    assert claims["acr"] == ACR_RECOVERED
    assert claims["recovered_at"] == claims["auth_time"]
    assert recovered.wlkp.userinfo().json()["email"] == recovered.email


def test_after_its_time_it_is_as_before(recovered, clock, app):
    subject = subject_of(app, recovered)
    with app.app_context():
        until = probation.frozen_until(subject)
        assert until is not None and until - probation.current_probation(subject).recovered_at == 72 * HOUR
    clock.shift(72 * HOUR)
    with app.app_context():
        assert probation.current_probation(subject) is probation.frozen_until(subject) is None, "time alone ends it"
        assert decisions.record_expired() == 1 and decisions.record_expired() == 0
    assert newest(app).state == "final"
    recovered.wlkp.sends(recovered.browser)
    recovered.signs_in(recovered.phone)
    claims = recovered.at(recovered.wlkp)
    assert claims["acr"] == ACR_DATA and "recovered_at" not in claims


def test_a_service_that_insists_on_more_gets_a_page_with_the_time_and_the_way_back(recovered, service):
    jkp = service("jkp")
    page = jkp.sends(recovered.browser, claims=MUST)
    assert page.heading == "Layanan ini tersedia mulai 5 April 2026 pukul 12.01 WIB"
    recovered.browser.back_to_service()
    assert jkp.answered(recovered.browser)["error"] == "access_denied"
    jkp.sends(recovered.browser, claims=MUST, prompt="none")
    assert jkp.answered(recovered.browser)["error"] == "unmet_authentication_requirements"
    jkp.sends(recovered.browser, claims=MUST)
    recovered.browser.click("Masuk dengan cara lama")
    assert recovered.signs_in(recovered.phone).heading.startswith("Layanan ini tersedia mulai"), "signing in again adds nothing"


def test_a_service_can_insist_by_its_entry(recovered, service, app):
    known = app.extensions["idp.clients"].known
    known["jkp"] = known["jkp"].model_copy(update={"required_acr_values": (ACR_FULL, ACR_DATA)})
    assert service("jkp").sends(recovered.browser).heading.startswith("Layanan ini tersedia mulai")


def test_a_service_that_would_like_more_lets_the_person_go_on(recovered, service):
    jkp = service("jkp")
    assert jkp.sends(recovered.browser, acr_values=ACR_FULL).heading.startswith("Layanan ini tersedia mulai")
    recovered.browser.press("/limited")
    assert jkp.receives(recovered.browser)["acr"] == ACR_RECOVERED
    jkp.sends(recovered.browser, acr_values=ACR_FULL, prompt="none")
    assert "code" in jkp.answered(recovered.browser)


def test_the_page_opens_for_nobody_else(siti, app):
    here = siti.page.url.rpartition("/login")[0]
    assert siti.browser.open(f"{here}/recover/limited").heading == "Masuk"


def test_when_the_time_is_over_the_page_says_sign_in_once_more(recovered, service, clock, app):
    service("jkp").sends(recovered.browser, claims=MUST)
    vetoed = recovered.page.url
    with app.app_context():
        decisions.answer(newest(app).id, probation.Act.AFFIRM, "passkey")
    assert recovered.browser.open(vetoed).heading == "Masuk sekali lagi"
    recovered.browser.click("Masuk")


def test_old_sessions_and_refresh_tokens_die(siti, service, outbox):
    pelatihan = service("pelatihan")
    pelatihan.scope = "openid offline_access"
    pelatihan.sends(siti.elsewhere)
    pelatihan.receives(siti.elsewhere)
    assert pelatihan.refresh().status_code == 200
    proves(siti)
    siti.facts |= {"+6281398765432", *NEW.values(), "Rembulan!8terbit"}
    siti.gives_contacts(**NEW, password="Rembulan!8terbit", old_password=siti.old["password"])
    assert siti.types_the_code("+6281398765432").heading == "Akun Anda aktif kembali"
    assert pelatihan.refresh().status_code == 400
    pelatihan.sends(siti.elsewhere, prompt="none")
    assert pelatihan.answered(siti.elsewhere)["error"] == "login_required"


def test_a_link_shows_and_only_a_press_acts_once(recovered, outbox, issuer, app):
    recovered.at(recovered.wlkp)
    link = links(outbox, recovered.old["phone"])[-1]
    for _ in range(3):
        assert loopback.get(link).status_code == 200
        assert loopback.head(link).status_code == 200
    assert newest(app).state == "provisional", "scanners of links do nothing"
    owner = SimpleBrowser(issuer)
    page = owner.open(link)
    assert page.heading == "Apakah ini Anda?"
    assert "2 April 2026 pukul 12.01 WIB dengan nomor 08*****5432" in page.text
    assert answers(owner, "no").heading == "Pemulihan dibatalkan"
    assert newest(app).state == "vetoed"
    assert not {"idp_session", "idp_known"} & set(owner.client.cookies), "nobody is signed in by it"
    assert owner.open(link).status == 410
    assert owner.open(links(outbox, recovered.old["email"])[-1]).heading == "Tidak ada yang perlu dilakukan"


def test_a_press_without_the_page_is_refused(recovered, outbox, app):
    link = links(outbox, recovered.old["phone"])[-1]
    assert loopback.post(link, data={"answer": "no"}).status_code == 400
    assert newest(app).state == "provisional"


def test_a_guessed_link_is_nothing(issuer):
    assert SimpleBrowser(issuer).open("/recovery/veto/" + "x" * 22).status == 410


def test_a_veto_restores_contacts_and_password_and_ends_the_new_sessions(recovered, outbox, issuer, clock, service):
    recovered.at(recovered.wlkp)
    vetoes(outbox, recovered.old["email"], issuer)
    assert recovered.wlkp.userinfo().status_code == 401
    jkp = service("jkp")
    jkp.sends(recovered.browser, prompt="none")
    assert jkp.answered(recovered.browser)["error"] == "login_required"
    recovered.wlkp.sends(recovered.browser)
    assert recovered.signs_in(recovered.nik).status == 422, "the new password is gone"
    assert recovered.signs_in(recovered.phone).status == 422, "and the new number"
    owner = SimpleBrowser(issuer)
    recovered.wlkp.sends(owner)
    owner.submit(identifier=recovered.old["phone"], password=recovered.old["password"])
    claims = recovered.wlkp.receives(owner)
    assert claims["acr"] == ACR_DATA and recovered.wlkp.userinfo().json()["email"] == recovered.old["email"]
    said = [message.text for message in outbox.to(recovered.old["phone"])]
    assert any("pemulihan akun dibatalkan" in text for text in said)


def test_after_a_veto_nobody_recovers_this_person_by_identity_for_thirty_days(siti, outbox, issuer, clock, person):
    proves(siti)
    vetoes(outbox, siti.old["phone"], issuer)
    siti.gives_contacts(**NEW)
    siti.facts.add("+6281398765432")
    assert siti.types_the_code("+6281398765432").heading == "Pemulihan tidak dapat diselesaikan"
    for days, status in ((29, 429), (2, 200)):
        clock.shift(days * DAY)
        siti.browser = SimpleBrowser(issuer)
        siti.wlkp.sends(siti.browser)
        proves(siti)
        number = f"0813555566{days:02d}"
        siti.facts |= {number, "+62" + number[1:]}
        siti.gives_contacts(phone=number, email=f"lagi{days}@surat.example")
        assert siti.types_the_code("+62" + number[1:]).status == status


def test_a_contact_says_yes_and_all_power_is_back(recovered, outbox, issuer, app):
    assert vetoes(outbox, recovered.old["phone"], issuer, "yes").heading == "Terima kasih, sudah kami catat"
    assert newest(app).state == "final"
    recovered.wlkp.sends(recovered.browser, prompt="login")
    recovered.signs_in(recovered.phone)
    assert recovered.at(recovered.wlkp)["acr"] == ACR_DATA
    # The other contact is told, and its no still counts.
    assert "dikonfirmasi" in outbox.to(recovered.old["email"])[-1].text
    assert vetoes(outbox, recovered.old["email"], issuer).heading == "Akun dikunci untuk diperiksa"


def test_a_veto_after_probation_freezes_for_officers(recovered, outbox, issuer, clock, app):
    recovered.at(recovered.wlkp)
    clock.shift(5 * DAY)
    assert vetoes(outbox, recovered.old["phone"], issuer).heading == "Akun dikunci untuk diperiksa"
    assert newest(app).state == "frozen_for_officer"
    recovered.wlkp.sends(recovered.browser)
    assert "dikunci" in recovered.signs_in(recovered.phone).text
    assert any("dikunci" in message.text for message in outbox.to(recovered.e164)), "the recoverer is told too"


def test_links_end_after_thirty_days(recovered, outbox, issuer, clock):
    clock.shift(30 * DAY)
    assert SimpleBrowser(issuer).open(links(outbox, recovered.old["phone"])[-1]).status == 410


@pytest.mark.parametrize("identifier", ["nik", "phone", "email"])
def test_the_old_password_is_asked_whose_recovery_it_is(recovered, issuer, identifier, app):
    owner = SimpleBrowser(issuer)
    recovered.wlkp.sends(owner)
    known = {"nik": recovered.nik} | recovered.old
    page = owner.submit(identifier=known[identifier], password=recovered.old["password"])
    assert page.heading == "Apakah ini Anda?" and "08*****5432" in page.text
    assert "idp_session" not in owner.client.cookies
    assert answers(owner, "no").heading == "Pemulihan dibatalkan"
    assert newest(app).state == "vetoed"
    owner.click("Lanjut")
    owner.submit(identifier=known[identifier], password=recovered.old["password"])
    assert recovered.wlkp.receives(owner)["acr"] == ACR_DATA


def test_the_old_password_ends_probation_early(recovered, app):
    recovered.wlkp.sends(recovered.browser, prompt="login")
    recovered.signs_in(recovered.nik, recovered.old["password"])
    assert answers(recovered.browser, "yes").heading == "Terima kasih, sudah kami catat"
    recovered.browser.click("Lanjut")
    recovered.signs_in(recovered.phone)
    assert recovered.at(recovered.wlkp)["acr"] == ACR_DATA


def test_the_question_needs_the_old_password(recovered, issuer):
    stranger = SimpleBrowser(issuer)
    recovered.wlkp.sends(stranger)
    assert stranger.submit(identifier=recovered.nik, password="Matahari!8terbit").status == 422
    here = stranger.page.url.rpartition("/login")[0]
    assert stranger.open(f"{here}/login/recovery").heading == "Masuk"


def test_the_old_password_given_too_makes_it_short(siti, app):
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi identitas diri")
    siti.proves_identity()
    siti.facts |= {"+6281398765432", NEW["phone"], NEW["email"]}
    siti.gives_contacts(**NEW, password="Rembulan!8terbit", old_password=siti.old["password"])
    siti.facts.add("Rembulan!8terbit")
    assert siti.types_the_code("+6281398765432").heading == "Akun Anda aktif kembali"
    row = newest(app)
    assert row.verdict == "provisional_24h" and row.inputs["old_proof"] and row.inputs["used_elsewhere"]


@pytest.fixture
def waiting(siti, app):
    """A recovery of an account in use, whose phone confirmed the warning: it waits."""
    proves(siti)
    phone_confirms(app)
    siti.facts |= {"+6281398765432", NEW["phone"], NEW["email"], "Rembulan!8terbit"}
    siti.gives_contacts(**NEW, password="Rembulan!8terbit")
    siti.types_the_code("+6281398765432")
    return siti


def test_a_risky_recovery_waits_and_changes_nothing(waiting, outbox, app, service):
    assert waiting.page.heading == "Pemulihan sedang ditinjau"
    assert "selesai pada 5 Maret 2026 pukul 12.01 WIB" in waiting.page.text
    row = newest(app)
    assert row.verdict == "waiting_72h" and row.inputs["old_phone_lives"]
    with app.app_context():
        subject = subject_of(app, waiting)
        assert probation.current_probation(subject).stage == "waiting" and probation.frozen_until(subject) is None
    jkp = service("jkp")
    jkp.sends(waiting.elsewhere, prompt="none")
    assert "code" in jkp.answered(waiting.elsewhere), "the owner stays signed in"
    waiting.browser.click("Masuk")
    assert waiting.signs_in(waiting.nik, "Rembulan!8terbit").status == 422
    assert links(outbox, waiting.old["phone"])


def test_the_owner_is_asked_at_sign_in_and_may_answer_later(waiting, issuer, app):
    owner = SimpleBrowser(issuer)
    waiting.wlkp.sends(owner)
    assert owner.submit(identifier=waiting.nik, password=waiting.old["password"]).heading == "Apakah ini Anda?"
    owner.click("Jawab nanti")
    assert waiting.wlkp.receives(owner)["acr"] == ACR_DATA
    waiting.wlkp.sends(owner, prompt="login")
    owner.submit(identifier=waiting.nik, password=waiting.old["password"])
    assert answers(owner, "no").heading == "Pemulihan dibatalkan"
    assert newest(app).state == "vetoed"


def by_new_phone(person):
    """«Verifikasi lewat nomor handphone» with the new number."""
    person.wlkp.sends(person.browser)
    person.browser.click("Kendala Masuk ke Akun?")
    person.browser.click("Verifikasi lewat nomor handphone")
    return person.browser.submit(nik=person.nik, phone=NEW["phone"])


def test_it_completes_with_a_new_code_when_the_wait_is_over(waiting, outbox, clock, app):
    sent = len(outbox.to("+6281398765432"))
    clock.shift(72 * HOUR - 1)
    by_new_phone(waiting)
    assert len(outbox.to("+6281398765432")) == sent, "too early: no code, the same page"
    clock.shift(61)
    with app.app_context():
        assert decisions.record_expired() == 1
    assert "dapat diselesaikan" in outbox.to("+6281398765432")[-1].text
    by_new_phone(waiting)
    waiting.types_the_code("+6281398765432")
    waiting.facts.add("Purnama!9terbit")
    page = waiting.browser.submit(password="Purnama!9terbit")
    assert "Akunmu kini telah aktif kembali" in page.text
    assert newest(app).state == "final"
    waiting.browser.click("Masuk")
    waiting.signs_in(NEW["phone"], "Purnama!9terbit")
    assert waiting.at(waiting.wlkp)["acr"] == ACR_DATA
    assert vetoes(outbox, waiting.old["phone"], waiting.browser.issuer).heading == "Akun dikunci untuk diperiksa"


def test_no_other_number_completes_what_has_waited(waiting, outbox, clock, app):
    clock.shift(72 * HOUR)
    waiting.wlkp.sends(waiting.browser)
    waiting.browser.click("Kendala Masuk ke Akun?")
    waiting.browser.click("Verifikasi lewat nomor handphone")
    waiting.browser.submit(nik=waiting.nik, phone="081355557777")
    assert outbox.to("+6281355557777") == []


def test_an_old_contact_shortens_the_wait_but_the_code_is_still_needed(waiting, outbox, issuer, app, clock):
    vetoes(outbox, waiting.old["phone"], issuer, "yes")
    assert newest(app).state == "ready"
    clock.shift(61)
    by_new_phone(waiting)
    waiting.types_the_code("+6281398765432")
    waiting.facts.add("Purnama!9terbit")
    waiting.browser.submit(password="Purnama!9terbit")
    assert newest(app).state == "final"


def test_whoever_began_it_can_take_it_back(waiting, app):
    waiting.browser.press("/withdraw")
    assert waiting.page.heading == "Pemulihan dibatalkan"
    assert newest(app).state == "cancelled"
    assert waiting.browser.click("Masuk").heading == "Masuk"


def test_where_only_officers_may_let_it_go_on_it_waits(siti, app, clock, outbox):
    known = app.extensions["idp.settings"]
    app.extensions["idp.settings"] = known.model_copy(update={"recovery_waiting": "officer"})
    proves(siti)
    app.extensions["idp.settings"] = known
    phone_confirms(app)
    siti.facts |= {"+6281398765432", NEW["phone"], NEW["email"]}
    siti.gives_contacts(**NEW)
    siti.types_the_code("+6281398765432")
    clock.shift(10 * DAY)
    with app.app_context():
        assert decisions.record_expired() == 0
    sent = len(outbox.to("+6281398765432"))
    by_new_phone(siti)
    assert len(outbox.to("+6281398765432")) == sent


def test_the_old_second_factor_is_suspended_and_comes_back_with_a_veto(quiet, outbox, issuer, app):
    import pyotp

    from idp import authenticators
    from idp.authenticators import totp
    from tests.account_rows import the

    siti, subject = quiet, subject_of(app, quiet)
    with app.app_context():
        key = totp.new_key()
        totp.enrol(the(subject).subject, key, pyotp.TOTP(key).now())
    siti.recovers("identity", **NEW)
    with app.app_context():
        assert not authenticators.enrolled_for(subject).any
    siti.browser.click("Masuk")
    siti.signs_in(siti.phone)
    assert siti.at(siti.wlkp)["amr"] == ["pwd"]
    vetoes(outbox, siti.old["phone"], issuer)
    with app.app_context():
        assert authenticators.enrolled_for(subject).totp
    owner = SimpleBrowser(issuer)
    siti.wlkp.sends(owner)
    assert owner.submit(identifier=siti.nik, password=siti.old["password"]).heading == "Verifikasi dua langkah"


def test_every_input_and_the_verdict_are_audited(siti, app):
    siti.recovers("identity", **NEW)
    from idp.audit import trail

    with app.app_context():
        rows = queued_events()
        trail.drain_all()
    (weighed,) = [json.loads(row["facts"]) for row in rows if row["event"] == "recovery_weighed"]
    assert weighed.pop("recovery") == newest(app).id
    assert weighed.pop("verdict") == "waiting_72h"
    assert weighed == probation.RiskSignals(used_elsewhere=True).to_dict()
