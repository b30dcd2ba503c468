"""A thief with the three facts and the owner's own number or password: what a second factor and older contacts are worth."""

import pyotp
import pytest

from idp import accounts, probation
from idp.accounts import officers
from idp.authenticators import totp
from idp.core.values import ACR_DATA, ACR_FULL, ACR_RECOVERED, EmailAddress, PhoneNumber
from idp.probation import answers as decisions
from idp.probation import transitions
from tests.account_rows import put_contacts
from tests.recoveries import DAY, answers, links, newest, proves, subject_of, vetoes
from tests.simple_browser import SimpleBrowser

STOLEN = "Gerhana!6merah"


@pytest.fixture
def owner(clock, person, service, app):
    """Siti, assured by officers, whose account was quiet for a month."""
    siti = person("Siti")
    siti.wlkp = service("wlkp")
    siti.wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(siti.wlkp)
    with app.app_context():
        officers.set_assurance_level(accounts.find(subject_of(app, siti)), ACR_FULL, "seen with her KTP-el")
    clock.shift(31 * DAY)
    return siti


@pytest.fixture
def guarded(owner, app):
    """The same with an authenticator app."""
    with app.app_context():
        totp.enrol(subject_of(app, owner), key := totp.new_key(), pyotp.TOTP(key).now())
    return owner


@pytest.fixture
def thief(owner, person):
    """The same three facts in another browser."""
    thief = person("Siti")
    thief.wlkp = owner.wlkp
    return thief


def recovers(thief, **contacts):
    """Recovers with a fresh address, and with the owner's own number unless another is given."""
    thief.browser = SimpleBrowser(thief.browser.issuer)
    thief.wlkp.sends(thief.browser)
    proves(thief)
    given = {"phone": thief.phone, "email": "pencuri@surat.example", "password": STOLEN} | contacts
    thief.gives_contacts(**given)
    return thief.types_the_code("+62" + given["phone"][1:])


def enters(thief, password=STOLEN):
    """Signs in; the class that the service is told."""
    thief.browser = SimpleBrowser(thief.browser.issuer)
    thief.wlkp.sends(thief.browser)
    thief.browser.submit(identifier=thief.nik, password=password)
    return thief.wlkp.receives(thief.browser)["acr"]


def offered(page):
    """Which answers the page has buttons for."""
    return [form.fields["answer"] for form in page.forms if "answer" in form.fields]


def forges_yes(browser):
    """Presses «Bukan saya, batalkan» with another answer in it."""
    form = next(form for form in browser.page.forms if form.fields.get("answer") == "no")
    return browser.submit(form=form, answer="yes")


@pytest.mark.every_store
def test_the_owners_own_number_is_no_old_proof_beside_a_second_factor_and_says_no_yes(guarded, thief, app, outbox, issuer):
    """S2: three facts and a swapped SIM: no shorter probation by the number, and no yes from it; its no stays possible."""
    assert recovers(thief).heading == "Akun Anda aktif kembali"
    assert not newest(app).inputs["old_proof"]
    browser = SimpleBrowser(issuer)
    assert offered(browser.open(links(outbox, guarded.e164)[-1])) == ["no"]
    refused = forges_yes(browser)
    assert refused.status == 409 and "tidak dapat diberikan dengan cara ini" in refused.text
    assert newest(app).state == "provisional"
    assert answers(browser, "no").heading == "Pemulihan dibatalkan", "the refused yes has not used the link up"


def test_the_old_password_is_no_old_proof_beside_a_second_factor(guarded, thief, app):
    """S2: three facts and a stolen password."""
    recovers(thief, phone="081377771231", old_password=guarded.password)
    assert not newest(app).inputs["old_proof"]


@pytest.mark.every_store
def test_the_old_password_alone_says_no_and_never_yes_where_a_second_factor_was_suspended(guarded, thief, app):
    """S2: a stolen password does not end the probation of the thief who holds it."""
    recovers(thief, phone="081377771231")
    thief.browser = SimpleBrowser(thief.browser.issuer)
    thief.wlkp.sends(thief.browser)
    page = thief.browser.submit(identifier=thief.nik, password=guarded.password)
    assert page.heading == "Apakah ini Anda?" and offered(page) == ["no"]
    assert "passkey lama Anda" in page.text
    assert forges_yes(thief.browser).status == 409
    assert newest(app).state == "provisional"
    assert SimpleBrowser.click(thief.browser, "Masuk dengan cara lain").heading == "Masuk", "nobody is stuck there"


@pytest.fixture
def app_of_before(owner, app, clock):
    """The owner's authenticator app, enrolled before the recovery; what it shows now."""
    key = totp.new_key()
    with app.app_context():
        totp.enrol(subject_of(app, owner), key, pyotp.TOTP(key).now())
    clock.shift(61)
    return lambda: pyotp.TOTP(key).now()


@pytest.mark.every_store
def test_the_old_password_with_the_app_of_before_says_yes_and_the_app_is_in_use_again(owner, app_of_before, app, issuer, clock):
    """S2: whoever has an app and no passkey waited for the end of probation, and had no app after it."""
    old = owner.password
    recovers(owner, phone="081377771231")
    assert newest(app).state == "provisional"
    owner.browser = SimpleBrowser(issuer)
    owner.wlkp.sends(owner.browser)
    page = owner.browser.submit(identifier=owner.nik, password=old)
    assert offered(page) == ["no"]
    right = app_of_before()
    assert owner.browser.submit(code="000000" if right != "000000" else "000001").status == 422
    assert forges_yes(owner.browser).status == 409, "nothing was shown yet"
    page = owner.browser.submit(code=right)
    assert offered(page) == ["no", "yes"]
    assert answers(owner.browser, "yes").heading == "Terima kasih, sudah kami catat"
    assert newest(app).state == "final"
    clock.shift(61)
    owner.browser = SimpleBrowser(issuer)
    owner.wlkp.sends(owner.browser)
    assert owner.browser.submit(identifier=owner.nik, password=STOLEN).heading == "Verifikasi dua langkah"
    owner.browser.submit(code=app_of_before())
    assert owner.wlkp.receives(owner.browser)["acr"] == ACR_DATA


def test_a_contact_that_is_part_of_the_recovery_never_says_yes(owner, thief, app, outbox, issuer):
    """S2: without a second factor too: the number that the thief proved does not vouch for the thief."""
    recovers(thief)
    browser = SimpleBrowser(issuer)
    assert offered(browser.open(links(outbox, owner.e164)[-1])) == ["no"]
    assert forges_yes(browser).status == 409
    assert newest(app).state == "provisional"


def test_an_old_number_that_is_no_part_of_it_says_yes(owner, thief, app, outbox, issuer):
    """S2: the cure takes nothing from an owner without a second factor."""
    recovers(thief, phone="081377771231")
    assert vetoes(outbox, owner.e164, issuer, "yes").heading == "Terima kasih, sudah kami catat"
    assert newest(app).state == "final"


@pytest.mark.every_store
def test_after_a_recovery_by_identity_the_class_is_data_until_officers_assure_again(owner, thief, app, outbox, issuer):
    """S2: neither a yes nor the end of probation gives `penuh`: nobody has seen the person."""
    recovers(thief, phone="081377771231")
    assert enters(thief) == ACR_RECOVERED
    vetoes(outbox, owner.e164, issuer, "yes")
    assert enters(thief) == ACR_DATA
    with app.app_context():
        officers.set_assurance_level(accounts.find(subject_of(app, owner)), ACR_FULL, "seen with her KTP-el")
    assert enters(thief) == ACR_FULL


@pytest.mark.parametrize("undone", ["veto", "officers"])
def test_a_recovery_that_is_undone_gives_the_class_back(owner, thief, app, outbox, issuer, undone):
    """S2: the class of before comes back with the contacts and the password of before."""
    recovers(thief, phone="081377771231")
    if undone == "veto":
        vetoes(outbox, owner.e164, issuer)
    else:
        with app.app_context():
            for officer in ("officer-1", "officer-2"):
                decisions.sign_decision(transitions.find(newest(app).id), officer, probation.Act.UNDO)
    assert enters(owner, owner.password) == ACR_FULL


@pytest.fixture
def robbed(owner, thief, app):
    """The account after a thief with the password has put contacts of their own in place of both."""
    fresh = PhoneNumber.parse("081377771239"), EmailAddress.parse("pencuri@surat.example")
    with app.app_context():
        put_contacts(accounts.find(subject_of(app, owner)), *fresh)
    return fresh


@pytest.mark.every_store
def test_contacts_younger_than_thirty_days_neither_veto_nor_affirm_against_older_ones(owner, thief, robbed, app, outbox, issuer):
    """S4: the thief's contacts do not stop the owner's recovery; the contacts that they replaced hear of it and say yes."""
    assert recovers(thief, phone="081398765432", email="baru@surat.example").heading == "Akun Anda aktif kembali"
    browser = SimpleBrowser(issuer)
    for contact in robbed:
        page = browser.open(links(outbox, contact.value)[-1])
        assert offered(page) == [] and "jadi belum dapat menjawab" in page.text
    forged = next(form for form in browser.open(links(outbox, owner.e164)[-1]).forms if form.fields.get("answer") == "no")
    for answer in ("no", "yes"):
        forged.action = links(outbox, robbed[0].value)[-1]
        assert browser.submit(form=forged, answer=answer).status == 409
    assert newest(app).state == "provisional"
    assert vetoes(outbox, owner.e164, issuer, "yes").heading == "Terima kasih, sudah kami catat"


def test_young_contacts_answer_where_there_are_no_older_ones(owner, person, clock, service, outbox, issuer, app):
    """S4: a new account is defended by the only contacts that it has."""
    budi = person("Budi")
    budi.wlkp = service("wlkp")
    budi.wlkp.sends(budi.browser, prompt="create")
    budi.registers()
    clock.shift(61)
    password, number = budi.password, budi.e164
    recovers(budi, phone="081398765432", email="baru@surat.example", old_password=password)
    assert newest(app).state == "provisional"
    assert vetoes(outbox, number, issuer).heading == "Pemulihan dibatalkan"


def test_an_address_that_nobody_proved_resets_no_password_and_confirms_no_recovery(owner, thief, outbox, issuer, app):
    """S5: whoever's mailbox it is, it was typed at registration and never proved; once proved it counts."""
    sent = len(outbox.to(owner.email))
    thief.browser = SimpleBrowser(issuer)
    thief.wlkp.sends(thief.browser)
    thief.browser.click("Kendala Masuk ke Akun?")
    thief.browser.click("Verifikasi lewat email")
    assert thief.browser.submit(nik=owner.nik, email=owner.email).heading == "Periksa pesan masuk Anda", "as ever"
    assert len(outbox.to(owner.email)) == sent, "and no code goes out"
    recovers(thief, phone="081377771231")
    assert offered(SimpleBrowser(issuer).open(links(outbox, owner.email)[-1])) == ["no"]
