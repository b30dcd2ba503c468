"""Passkeys over HTTP, with an authenticator in software: as first factor, as second, offered once, and every lie refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from idp import accounts, authenticators
from idp.storage.database import db
from tests.conftest import Outbox
from tests.person import Person
from tests.recoveries import newest
from tests.relying_party import RelyingParty
from tests.simple_browser import SimpleBrowser
from tests.soft_passkey import MAY_SYNC, PRESENT, SoftPasskey, options_of

MFA = "urn:siapkerja:acr:mfa"
ESSENTIAL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:mfa"}}}'


@pytest.fixture
def wlkp(home):
    return RelyingParty.of_demo(home.issuer, "wlkp")


@pytest.fixture
def siti(home, wlkp, clock, tripwire):
    """Registered, signed out, a minute later; her device could keep a passkey."""
    app, issuer = home.app, home.issuer
    siti = Person.named("Siti", issuer, Outbox(app))
    tripwire.watch(siti.facts)
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.subject = siti.at(wlkp)["sub"]
    siti.browser.forget_session()
    clock.shift(61)
    return siti


def signs_in_on_a_device_for_passkeys(siti, wlkp):
    wlkp.sends(siti.browser)
    return siti.browser.submit(identifier=siti.nik, password=siti.password, passkey_ready="1")


def form_of(page, kind):
    return next(f for f in page.forms if f.attributes.get("data-passkey") == kind)


def answers(siti, passkey, **fields):
    """The device answers the page's challenge."""
    answer = passkey.answers(options_of(siti.page, "get"))
    return siti.browser.submit(form=form_of(siti.page, "get"), credential=answer, **fields)


def makes_a_passkey(siti, wlkp):
    """When it is offered, after the code by SMS that it wants."""
    signs_in_on_a_device_for_passkeys(siti, wlkp)
    siti.browser.press("/send")
    siti.types_the_code()
    siti.passkey = SoftPasskey(siti.browser.issuer)
    made = siti.passkey.creates(options_of(siti.page, "create"))
    siti.browser.submit(form=form_of(siti.page, "create"), credential=made)
    siti.made_claims = siti.at(wlkp)


@pytest.fixture
def guarded(siti, wlkp, clock):
    """Siti with a passkey; signed out."""
    makes_a_passkey(siti, wlkp)
    siti.browser.forget_session()
    clock.shift(61)
    return siti


def test_a_passkey_is_offered_once_and_never_again(siti, wlkp):
    assert signs_in_on_a_device_for_passkeys(siti, wlkp).heading == "Masuk lebih mudah dengan passkey"
    siti.browser.press("/passkey/offer")
    siti.at(wlkp)
    siti.browser.forget_session()
    signs_in_on_a_device_for_passkeys(siti, wlkp)
    siti.at(wlkp)


def test_a_device_that_keeps_none_is_offered_none(siti, wlkp):
    wlkp.sends(siti.browser)
    siti.signs_in()
    siti.at(wlkp)


def test_no_passkey_is_made_by_a_password_alone(siti, wlkp, home):
    page = signs_in_on_a_device_for_passkeys(siti, wlkp)
    assert not [f for f in page.forms if f.attributes.get("data-passkey")]
    siti.browser.submit(form=next(f for f in page.forms if f.action.endswith("/offer")), credential="{}")
    siti.at(wlkp)
    with home.app.app_context():
        assert not authenticators.enrolled_for(siti.subject).any


def test_making_one_is_told_to_every_contact(guarded):
    assert guarded.made_claims["amr"] == ["pwd", "sms", "mfa"]
    for contact in (guarded.email, guarded.e164):
        assert any("passkey) ditambahkan" in message.text for message in guarded.outbox.to(contact))


def test_a_passkey_alone_signs_in_with_both_factors(guarded, wlkp):
    wlkp.sends(guarded.browser, claims=ESSENTIAL)
    assert 'autocomplete="username webauthn"' in guarded.page.source
    answers(guarded, guarded.passkey)
    claims = guarded.at(wlkp)
    assert claims["sub"] == guarded.subject
    assert claims["amr"] == ["hwk", "user", "mfa"]
    assert claims["acr"] == MFA


def test_an_account_with_a_passkey_only_is_not_opened_by_sms(guarded, wlkp, home):
    """S21: whoever took over the number has half of what a password and a code would open; the way on is recovery."""
    wlkp.sends(guarded.browser, claims=ESSENTIAL)
    guarded.signs_in()
    assert guarded.page.heading == "Verifikasi dua langkah"
    assert "SMS" not in guarded.page.text
    assert "Kendala Masuk ke Akun?" in guarded.page.text
    sent = len(guarded.outbox.to(guarded.e164))
    form = next(form for form in guarded.page.forms if form.attributes.get("data-passkey"))
    form.action = guarded.page.url.rstrip("/") + "/send"
    assert guarded.browser.submit(form=form).heading == "Verifikasi dua langkah"
    assert len(guarded.outbox.to(guarded.e164)) == sent
    guarded.browser.open(guarded.page.url.rstrip("/") + "/sms")
    assert guarded.page.heading == "Verifikasi dua langkah"
    assert guarded.browser.url_of_service is None


def test_a_key_that_may_be_synced_is_told_as_one_kept_by_software(guarded, wlkp):
    wlkp.sends(guarded.browser)
    answers(guarded, replace(guarded.passkey, flags=guarded.passkey.flags | MAY_SYNC))
    assert guarded.at(wlkp)["amr"] == ["swk", "user", "mfa"]


def test_a_device_that_has_not_verified_its_owner_is_a_second_factor_only(guarded, wlkp):
    unsure = replace(guarded.passkey, flags=PRESENT)
    wlkp.sends(guarded.browser)
    page = answers(guarded, unsure)
    assert page.status == 422
    assert "Passkey tidak dapat digunakan" in page.text
    guarded.signs_in()
    assert guarded.page.heading == "Verifikasi dua langkah"
    answers(guarded, unsure, remember="y")
    assert guarded.at(wlkp)["amr"] == ["pwd", "hwk", "user", "mfa"]
    guarded.browser.client.cookies.delete("idp_session")
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    assert guarded.at(wlkp)["amr"] == ["pwd"]  # remembered


def test_somebody_elses_passkey_is_no_second_factor_of_mine(guarded, wlkp, home, clock):
    budi = Person.named("Budi", home.issuer, Outbox(home.app))
    wlkp.sends(budi.browser, prompt="create")
    budi.registers()
    budi.browser.forget_session()
    clock.shift(61)
    makes_a_passkey(budi, wlkp)
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    assert answers(guarded, budi.passkey).status == 422
    answers(guarded, guarded.passkey)
    assert guarded.at(wlkp)["sub"] == guarded.subject


def test_a_session_steps_up_with_a_passkey(guarded, wlkp, clock, home):
    with home.app.app_context():
        authenticators.suspend_all(guarded.subject, "x")
        db.session.commit()
    wlkp.sends(guarded.browser)
    guarded.signs_in()
    guarded.at(wlkp)
    with home.app.app_context():
        authenticators.restore_all(guarded.subject, "x", 2**40)
        db.session.commit()
    wlkp.sends(guarded.browser, claims=ESSENTIAL)
    assert guarded.page.heading == "Verifikasi dua langkah"
    answers(guarded, guarded.passkey)
    assert guarded.at(wlkp)["acr"] == MFA


@pytest.mark.parametrize("twist", [
    {"origin": "http://localhost:1"}, {"domain": "evil.example"}, {"flags": 0x04}, {"handle": b"somebody else"},
    {"key": SoftPasskey("").key}, {"credential": b"unknown credential"}, {"count": -1, "counts": False},
], ids="-".join)  # fmt: skip
def test_a_lie_is_refused(guarded, wlkp, twist):
    if "count" in twist:  # a copied key, whose count does not grow
        wlkp.sends(guarded.browser)
        answers(guarded, guarded.passkey)
        guarded.at(wlkp)
        guarded.browser.forget_session()
        twist = {"count": guarded.passkey.count, "counts": False}
    wlkp.sends(guarded.browser)
    page = answers(guarded, replace(guarded.passkey, **twist))
    assert page.status == 422
    assert page.heading == "Masuk"


def test_a_challenge_is_answered_once_and_by_its_own_interaction(guarded, wlkp):
    wlkp.sends(guarded.browser)
    page = guarded.page
    answers(guarded, guarded.passkey)
    guarded.at(wlkp)
    other = SimpleBrowser(guarded.browser.issuer)
    other.open(wlkp.url())
    for options in (options_of(page, "get"), options_of(_page_of_another(guarded, wlkp), "get")):
        other.submit(form=form_of(other.page, "get"), credential=guarded.passkey.answers(options))
        assert other.page.status == 422


def test_an_answer_counts_once_also_from_a_device_that_keeps_no_count(guarded, wlkp):
    wlkp.sends(guarded.browser)
    steady = replace(guarded.passkey, count=0, counts=False)
    answer = steady.answers(options_of(guarded.page, "get"))
    request = guarded.browser.prepare(form_of(guarded.page, "get"), credential=answer)
    assert [guarded.browser.send(request).status_code for _ in range(2)] == [303, 422]


def test_of_two_copies_of_a_key_that_answer_at_once_one_gets_in(guarded, wlkp):
    ready = []
    for _ in range(2):
        browser = SimpleBrowser(guarded.browser.issuer)
        browser.open(wlkp.url())
        copy = replace(guarded.passkey)
        ready.append(
            (browser, browser.prepare(form_of(browser.page, "get"), credential=copy.answers(options_of(browser.page, "get"))))
        )
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda one: one[0].send(one[1]).status_code, ready)) == [303, 422]


def test_a_suspended_passkey_signs_nobody_in(guarded, wlkp, home):
    with home.app.app_context():
        authenticators.suspend_all(guarded.subject, "x")
        db.session.commit()
    wlkp.sends(guarded.browser)
    assert answers(guarded, guarded.passkey).status == 422


def _page_of_another(guarded, wlkp):
    third = SimpleBrowser(guarded.browser.issuer)
    return third.open(wlkp.url())


def test_of_two_requests_with_one_answer_one_gets_in(guarded, wlkp):
    wlkp.sends(guarded.browser)
    answer = guarded.passkey.answers(options_of(guarded.page, "get"))
    request = [guarded.browser.prepare(form_of(guarded.page, "get"), credential=answer) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(r.status_code for r in pool.map(guarded.browser.send, request))
    assert statuses in ([303, 422], [303, 303])  # the loser is told so, or sent on to what the winner achieved
    guarded.browser.open(guarded.page.url.removesuffix("/login"))
    assert guarded.at(wlkp)["amr"] == ["hwk", "user", "mfa"]


def test_a_locked_account_is_refused(guarded, wlkp, home):
    with home.app.test_request_context():
        accounts.lock(accounts.find(guarded.subject), "test")
    wlkp.sends(guarded.browser)
    page = answers(guarded, guarded.passkey)
    assert page.heading == "Akun Anda sedang dikunci"
    assert page.status == 403


@pytest.mark.parametrize("answer", [
    "", "x", "[]", "{}", "null", '{"id":1}', json.dumps({"id": "a", "rawId": "a", "type": "public-key", "response": {}}),
    json.dumps({"id": "é", "rawId": "YQ", "type": "public-key", "response": {
        "clientDataJSON": "e30", "authenticatorData": "YQ", "signature": "YQ", "userHandle": 5}}),
    json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {
        "clientDataJSON": "eyJ0eXBlIjoxLCJjaGFsbGVuZ2UiOjF9", "authenticatorData": "YQ", "signature": "YQ"}}),
    "{" * 30000,
], ids=range(10))  # fmt: skip
def test_nonsense_is_refused_and_never_a_500(guarded, wlkp, answer):
    wlkp.sends(guarded.browser)
    request = guarded.browser.prepare(form_of(guarded.page, "get"), credential=answer)
    assert guarded.browser.send(request).status_code == 422


def test_guesses_from_one_address_are_limited(guarded, wlkp):
    wlkp.sends(guarded.browser)
    request = guarded.browser.prepare(form_of(guarded.page, "get"), credential="{}")
    statuses = [guarded.browser.send(request).status_code for _ in range(21)]
    assert statuses == [422] * 20 + [429]


def test_an_issuer_that_is_an_address_offers_no_passkeys(person, service):
    siti = person("Siti")
    assert "data-passkey" not in service("wlkp").sends(siti.browser).source


@pytest.mark.parametrize(("answer", "state"), [("no", "vetoed"), ("yes", "final")])
def test_a_passkey_that_a_recovery_suspended_says_whose_it_is(guarded, wlkp, home, clock, answer, state):
    """It signs nobody in: it is asked «Apakah ini Anda?», and a no brings it back."""
    app, issuer = home.app, home.issuer
    siti, owner = guarded, guarded.browser
    clock.shift(31 * 86400)
    siti.browser = SimpleBrowser(issuer)
    wlkp.sends(siti.browser)
    siti.recovers("identity", phone="081398765432", email="baru@surat.example")
    siti.browser = owner
    siti.browser.forget_session()
    wlkp.sends(siti.browser)
    assert answers(siti, siti.passkey).heading == "Apakah ini Anda?"
    assert "idp_session" not in siti.browser.client.cookies
    siti.browser.submit(form=next(form for form in siti.page.forms if form.fields.get("answer") == answer))
    assert newest(app).state == state
    siti.browser.click("Lanjut")
    page = answers(siti, siti.passkey)
    assert (siti.browser.url_of_service is not None) is (answer == "no"), page.text[:200]
