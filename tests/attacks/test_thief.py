"""Whoever has bought NIK, name and mother's name, and has a phone of their own: what they get, case by case.

The table in docs/threat-model.md says the same in words; each row there names a test here.
"""

import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import pyotp
import pytest
from sqlalchemy import func, select

from idp import accounts, authenticators, probation
from idp.authenticators import recovery_codes, totp
from idp.core.values import ACR_DATA, ACR_RECOVERED
from idp.gateways.civil_registry import RegistryUnavailable
from idp.maintenance import retention
from idp.probation import answers as decisions
from idp.probation import transitions
from idp.probation.model import Recovery, VetoLink
from idp.storage.database import db
from tests.account_rows import at_once
from tests.recoveries import DAY, HOUR, answers, links, newest, phone_confirms, phone_is_dead, proves, subject_of, vetoes
from tests.simple_browser import SimpleBrowser

FRESH = {"phone": "081377771231", "email": "pencuri@surat.example"}
FRESH_E164 = "+6281377771231"
STOLEN = "Gerhana!6merah"


@pytest.fixture
def owner(clock, person, service):
    """Siti, who has an account and just used it."""
    siti = person("Siti")
    siti.wlkp = service("wlkp")
    siti.wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(siti.wlkp)
    return siti


@pytest.fixture
def thief(owner, person, service, clock):
    """The same three facts, another browser, a fresh number."""
    thief = person("Siti")
    thief.wlkp, thief.jkp = owner.wlkp, service("jkp")
    clock.shift(61)
    return thief


@pytest.fixture
def quiet(thief, clock):
    """The owner has not used the account for a month: what would have waited is let through on probation."""
    clock.shift(31 * DAY)


def recovers(thief, contacts=FRESH, before_code=lambda: None):
    """The thief's whole road, as far as the code; the page they end on."""
    thief.browser = SimpleBrowser(thief.browser.issuer)
    thief.wlkp.sends(thief.browser)
    proves(thief)
    before_code()
    thief.gives_contacts(**contacts, password=STOLEN)
    return thief.types_the_code("+62" + contacts["phone"][1:])


def enters(thief, service):
    """Signs in with what the thief set; the class that the service is told, None when the door stays shut."""
    thief.browser = SimpleBrowser(thief.browser.issuer)
    service.sends(thief.browser)
    if thief.browser.submit(identifier=thief.nik, password=STOLEN).status != 200 and thief.browser.url_of_service is None:
        return None
    return service.receives(thief.browser)["acr"]


def owner_enters(owner, service):
    owner.browser = SimpleBrowser(owner.browser.issuer)
    service.sends(owner.browser)
    owner.signs_in()
    return service.receives(owner.browser)["acr"]


# (a) an account in use, with a living phone ---------------------------------------------------------------------------


def test_a_account_in_use_with_a_living_phone_the_thief_waits_and_gets_nothing(owner, thief, app, outbox):
    page = recovers(thief, before_code=partial(phone_confirms, app))
    assert page.heading == "Pemulihan sedang ditinjau"
    assert newest(app).verdict == "waiting_72h"
    assert enters(thief, thief.wlkp) is None
    assert len(links(outbox, owner.e164)) == 2 and len(links(outbox, owner.email)) == 2, "told at once, and when it waits"


def test_a_the_owner_who_answers_within_three_days_keeps_everything(owner, thief, app, outbox, clock, issuer):
    recovers(thief, before_code=partial(phone_confirms, app))
    clock.shift(71 * HOUR)
    vetoes(outbox, owner.e164, issuer)
    clock.shift(30 * HOUR)
    thief.browser = SimpleBrowser(issuer)
    thief.wlkp.sends(thief.browser)
    thief.browser.click("Kendala Masuk ke Akun?")
    thief.browser.click("Verifikasi lewat nomor handphone")
    sent = len(outbox.to(FRESH_E164))
    thief.browser.submit(nik=thief.nik, phone=FRESH["phone"])
    assert len(outbox.to(FRESH_E164)) == sent, "no code to complete it with"
    assert owner_enters(owner, owner.wlkp) == ACR_DATA


# (b) dormant, with a living phone -------------------------------------------------------------------------------------


def test_b_dormant_with_a_living_phone_the_thief_gets_ordinary_services_until_the_veto(owner, thief, app, outbox, clock, issuer):
    clock.shift(200 * DAY)
    assert recovers(thief, before_code=partial(phone_confirms, app)).heading == "Akun Anda aktif kembali"
    assert newest(app).verdict == "provisional_72h"
    assert enters(thief, thief.wlkp) == ACR_RECOVERED
    subject = subject_of(app, owner)
    with app.app_context():
        assert probation.frozen_until(subject) is not None, "contacts, authenticators, deletion and export stay shut"
    vetoes(outbox, owner.e164, issuer)
    assert thief.wlkp.userinfo().status_code == 401
    assert enters(thief, thief.wlkp) is None
    assert owner_enters(owner, owner.wlkp) == ACR_DATA


# (c) dormant, with dead contacts: the residual risk -------------------------------------------------------------------


def test_c_dormant_with_dead_contacts_the_thief_has_it_after_a_day_and_officers_can_undo_it(owner, thief, app, clock):
    clock.shift(200 * DAY)
    recovers(thief, before_code=partial(phone_is_dead, app))
    row = newest(app)
    assert row.verdict == "provisional_24h" and row.inputs["dormant"]
    assert enters(thief, thief.wlkp) == ACR_RECOVERED
    clock.shift(24 * HOUR)
    assert enters(thief, thief.wlkp) == ACR_DATA, "the residual risk, named in the threat model"
    with app.app_context():
        assert decisions.sign_decision(transitions.find(row.id), "officer-1", probation.Act.UNDO) is None
        with pytest.raises(decisions.SameOfficer):
            decisions.sign_decision(transitions.find(row.id), "officer-1", probation.Act.UNDO)
        assert decisions.sign_decision(transitions.find(row.id), "officer-2", probation.Act.UNDO) == "vetoed"
    assert enters(thief, thief.wlkp) is None
    assert owner_enters(owner, owner.wlkp) == ACR_DATA


def test_c_the_true_owner_with_the_old_password_takes_it_back_within_the_day(owner, thief, app, clock):
    clock.shift(200 * DAY)
    recovers(thief, before_code=partial(phone_is_dead, app))
    owner.browser = SimpleBrowser(owner.browser.issuer)
    owner.wlkp.sends(owner.browser)
    assert owner.signs_in().heading == "Apakah ini Anda?"
    answers(owner.browser, "no")
    assert enters(thief, thief.wlkp) is None
    assert owner_enters(owner, owner.wlkp) == ACR_DATA


# The owner's veto, before and after completion ------------------------------------------------------------------------


def test_a_veto_before_completion_leaves_the_thief_nothing_to_complete(owner, thief, app, outbox, issuer):
    recovered = recovers(thief, before_code=partial(vetoes, outbox, owner.e164, issuer))
    assert recovered.heading == "Pemulihan tidak dapat diselesaikan"
    assert owner_enters(owner, owner.wlkp) == ACR_DATA
    assert enters(thief, thief.wlkp) is None


def test_a_veto_after_probation_locks_the_thief_out_and_leaves_the_rest_to_officers(owner, thief, app, outbox, clock, issuer):
    clock.shift(200 * DAY)
    recovers(thief)
    clock.shift(4 * DAY)
    assert enters(thief, thief.wlkp) == ACR_DATA
    vetoes(outbox, owner.email, issuer)
    assert thief.wlkp.userinfo().status_code == 401
    assert enters(thief, thief.wlkp) is None
    with app.app_context():
        assert accounts.find(subject_of(app, owner)).locked


def deletes(thief):
    thief.browser.open("/account/delete")
    form = next(form for form in thief.browser.page.forms if form.id == "form-delete")
    return thief.browser.submit(form=form, meant="y")


def test_a_thief_who_deletes_the_account_does_not_outrun_its_owner(owner, thief, app, outbox, clock, issuer):
    """The waiting time ends no sooner than the 30 days of veto; the old contacts are told; a no undoes the deletion too."""
    clock.shift(200 * DAY)
    recovers(thief)
    clock.shift(4 * DAY)
    assert enters(thief, thief.wlkp) == ACR_DATA
    assert deletes(thief).heading == "Akun Anda akan dihapus"
    for contact in (owner.e164, owner.email):
        assert any("dihapus" in message.text for message in outbox.to(contact))
    clock.shift(25 * DAY)
    with app.app_context():
        list(retention.run())
    vetoes(outbox, owner.email, issuer)
    clock.shift(10 * DAY)
    row = newest(app)
    with app.app_context():
        list(retention.run())
        assert accounts.find(row.subject).locked
        decisions.sign_decision(transitions.find(row.id), "officer-1", probation.Act.UNDO)
        decisions.sign_decision(transitions.find(row.id), "officer-2", probation.Act.UNDO)
        list(retention.run())
    assert enters(thief, thief.wlkp) is None
    assert owner_enters(owner, owner.wlkp) == ACR_DATA


def test_officers_who_undo_a_recovery_undo_the_deletion_that_it_led_to(owner, thief, app, clock):
    clock.shift(200 * DAY)
    recovers(thief, before_code=partial(phone_is_dead, app))
    clock.shift(24 * HOUR)
    enters(thief, thief.wlkp)
    assert deletes(thief).heading == "Akun Anda akan dihapus"
    row = newest(app)
    with app.app_context():
        decisions.sign_decision(transitions.find(row.id), "officer-1", probation.Act.UNDO)
        decisions.sign_decision(transitions.find(row.id), "officer-2", probation.Act.UNDO)
    assert owner_enters(owner, owner.wlkp) == ACR_DATA
    assert owner.wlkp.userinfo().status_code == 200


def test_what_the_thief_enrolled_after_probation_is_gone_with_the_recovery(owner, thief, app, clock):
    clock.shift(200 * DAY)
    recovers(thief, before_code=partial(phone_is_dead, app))
    clock.shift(24 * HOUR)
    row = newest(app)
    with app.app_context():
        recovery_codes.regenerate(row.subject)
        totp.enrol(row.subject, key := totp.new_key(), pyotp.TOTP(key).now())
        assert authenticators.enrolled_for(row.subject).any
        decisions.sign_decision(transitions.find(row.id), "officer-1", probation.Act.UNDO)
        decisions.sign_decision(transitions.find(row.id), "officer-2", probation.Act.UNDO)
        assert authenticators.enrolled_for(row.subject) == authenticators.Enrolled()


@pytest.mark.usefixtures("quiet")
def test_a_prefetched_link_does_nothing(owner, thief, app, outbox, issuer):
    recovers(thief)
    scanner = SimpleBrowser(issuer)
    for contact in (owner.e164, owner.email):
        for link in links(outbox, contact):
            assert scanner.open(link).status == 200
            scanner.open(link)
    assert newest(app).state == "provisional"
    with app.app_context():
        used = select(func.count()).select_from(VetoLink).where(VetoLink.used_at.is_not(None))
        assert db.session.scalar(used) == 0


@pytest.mark.usefixtures("quiet")
def test_the_thief_cannot_say_yes_in_the_owners_name(owner, thief, app, outbox, issuer):
    """The thief's own new contacts get no link, and being signed in says nothing."""
    recovers(thief)
    assert enters(thief, thief.wlkp) == ACR_RECOVERED
    assert not [m for contact in (FRESH_E164, FRESH["email"]) for m in outbox.to(contact) if "/recovery/veto/" in m.text]


@pytest.mark.usefixtures("quiet")
def test_the_thief_cannot_extend_the_reach_by_recovering_by_the_new_phone(owner, thief, app, clock, issuer, outbox):
    recovers(thief)
    clock.shift(61)
    thief.browser = SimpleBrowser(issuer)
    thief.wlkp.sends(thief.browser)
    thief.browser.click("Kendala Masuk ke Akun?")
    thief.browser.click("Verifikasi lewat nomor handphone")
    thief.browser.submit(nik=thief.nik, phone=FRESH["phone"])
    thief.types_the_code(FRESH_E164)
    thief.browser.submit(password=STOLEN)
    assert enters(thief, thief.wlkp) == ACR_RECOVERED, "a new password by the new phone proves nothing old"
    vetoes(outbox, owner.e164, issuer)
    assert enters(thief, thief.wlkp) is None
    assert owner_enters(owner, owner.wlkp) == ACR_DATA


def test_a_browser_that_recovers_two_people_is_weighed(owner, thief, person, service, app, clock):
    clock.shift(200 * DAY)
    recovers(thief)
    assert not newest(app).inputs["seen_before"]
    budi = person("Budi")
    service("wlkp").sends(budi.browser, prompt="create")
    budi.registers()
    clock.shift(10 * DAY)
    other = person("Budi")
    other.browser.client._cookies = thief.browser.client.cookies
    thief.wlkp.sends(other.browser)
    proves(other)
    other.gives_contacts(phone="081377771232", email="pencuri2@surat.example", password=STOLEN)
    other.types_the_code("+6281377771232")
    assert newest(app).inputs["seen_before"]


# Races ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quiet")
def test_two_recoveries_at_once_one_gets_through(owner, thief, person, app):
    second = person("Siti")
    second.wlkp = thief.wlkp
    for one, contacts in ((thief, FRESH), (second, {"phone": "081377771233", "email": "pencuri3@surat.example"})):
        one.wlkp.sends(one.browser)
        proves(one)
        one.gives_contacts(**contacts, password=STOLEN)
        one.number = "+62" + contacts["phone"][1:]
    pages = {}
    both = [threading.Thread(target=lambda o=o: pages.update({o.number: o.types_the_code(o.number)})) for o in (thief, second)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    got = Counter(page.heading == "Akun Anda aktif kembali" for page in pages.values())
    assert got == Counter({True: 1, False: 1}), {k: (p.status, p.heading) for k, p in pages.items()}
    with app.app_context():
        stands = select(func.count()).select_from(Recovery).where(Recovery.state == "provisional")
        assert db.session.scalar(stands) == 1


@pytest.mark.every_store
def test_of_a_veto_and_a_yes_that_race_the_account_is_never_the_thiefs_against_the_no(owner, thief, app, clock):
    recovers(thief)
    row, subject = newest(app), subject_of(app, owner)
    veto = partial(decisions.answer, row.id, probation.Act.VETO, "contact")
    affirm = partial(decisions.answer, row.id, probation.Act.AFFIRM, "passkey")
    outcomes = at_once(app, [veto, affirm])
    assert outcomes["done"] >= 1 and set(outcomes) <= {"done", "ImpossibleAct"}
    # Yes first: the later no freezes. No first: there is nothing left to say yes to.
    assert newest(app).state in ("vetoed", "frozen_for_officer")
    assert enters(thief, thief.wlkp) is None
    with app.app_context():
        assert accounts.find(subject).locked is (newest(app).state == "frozen_for_officer")


@pytest.mark.every_store
@pytest.mark.usefixtures("quiet")
def test_a_veto_raced_against_the_end_of_probation_wins_either_way(owner, thief, app, clock):
    recovers(thief)
    row = newest(app)
    clock.move_to(clock_end(row))
    outcomes = at_once(
        app,
        [partial(decisions.answer, row.id, probation.Act.VETO, "contact"), decisions.record_expired, decisions.record_expired],
    )
    assert outcomes["done"] == 3, outcomes
    assert newest(app).state == "frozen_for_officer"
    assert enters(thief, thief.wlkp) is None


@pytest.mark.every_store
def test_many_presses_of_one_link_count_once(owner, thief, app, outbox):
    recovers(thief)
    token = links(outbox, owner.e164)[-1].rpartition("/")[2]
    outcomes = at_once(app, [partial(decisions.answer_by_link, token, probation.Act.VETO)] * 6)
    assert outcomes["done"] == 1 and outcomes["LinkUsed"] + outcomes["ImpossibleAct"] == 5
    assert newest(app).state == "vetoed"


@pytest.mark.every_store
def test_a_veto_raced_against_completion_leaves_the_account_the_owners(owner, thief, app, outbox):
    thief.browser = SimpleBrowser(thief.browser.issuer)
    thief.wlkp.sends(thief.browser)
    proves(thief)
    thief.gives_contacts(**FRESH, password=STOLEN)
    token = links(outbox, owner.e164)[-1].rpartition("/")[2]
    veto = threading.Thread(target=at_once, args=(app, [partial(decisions.answer_by_link, token, probation.Act.VETO)]))
    veto.start()
    thief.types_the_code(FRESH_E164)
    veto.join()
    assert newest(app).state == "vetoed"
    assert enters(thief, thief.wlkp) is None
    assert owner_enters(owner, owner.wlkp) == ACR_DATA


def clock_end(row):
    """The moment when the state ends by itself."""
    from idp.core import clock as house_clock

    return house_clock.from_timestamp(row.until) + timedelta(seconds=0)


# Outages between the steps --------------------------------------------------------------------------------------------


class Down:
    """Dukcapil while it is away."""

    def verify(self, *_):
        raise RegistryUnavailable("unreachable")


@pytest.mark.usefixtures("quiet")
def test_dukcapil_failing_between_the_steps_gives_the_thief_nothing_more(owner, thief, app, outbox):
    registry = app.extensions["idp.civil_registry"]
    thief.wlkp.sends(thief.browser)
    app.extensions["idp.civil_registry"] = Down()
    thief.browser.click("Kendala Masuk ke Akun?")
    thief.browser.click("Verifikasi identitas diri")
    assert thief.proves_identity().status == 503
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Recovery)) == 0, "nothing has begun"
    here = thief.page.url.rpartition("/recover")[0]
    thief.browser.open(f"{here}/recover/contact")
    assert thief.page.heading != "Kontak baru" and "Password baru" not in thief.page.text
    app.extensions["idp.civil_registry"] = registry
    thief.browser.open(f"{here}/recover/identity")
    thief.proves_identity()
    # Away again after the facts matched: they are not asked twice, and the probation is the same.
    app.extensions["idp.civil_registry"] = Down()
    thief.gives_contacts(**FRESH, password=STOLEN)
    assert thief.types_the_code(FRESH_E164).heading == "Akun Anda aktif kembali"
    assert enters(thief, thief.wlkp) == ACR_RECOVERED
    app.extensions["idp.civil_registry"] = registry
