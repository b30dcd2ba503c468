"""What was proved before a change of the account counts for nothing after it."""

import os

import pytest
from click.testing import CliRunner

from idp import accounts
from idp.cli import main
from idp.core.values import ACR_FULL
from tests.account_rows import put_password
from tests.recoveries import DAY, NEW, subject_of, vetoes
from tests.simple_browser import SimpleBrowser

STOLEN = "Gerhana!6merah"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
MUST_BE_TWO = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:mfa"}}}'


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


def gets_a_new_password(app, somebody):
    with app.app_context():
        put_password(accounts.find(subject_of(app, somebody)), "Matahari!8terbit")


def test_a_password_changed_since_answers_nothing(owner, app, outbox):
    """S6: whoever showed it while a recovery waited was still asked «Apakah ini Anda?», and the answer counted."""
    somebody = SimpleBrowser(owner.browser.issuer)
    owner.wlkp.sends(owner.browser)
    owner.signs_in()  # in use elsewhere: the recovery waits
    owner.wlkp.sends(somebody)
    owner.browser, here = somebody, owner.browser
    known = owner.password
    owner.recovers("identity", **NEW)
    assert owner.page.heading == "Pemulihan sedang ditinjau"
    owner.browser, owner.password = SimpleBrowser(here.issuer), known
    owner.wlkp.sends(owner.browser)
    owner.signs_in()
    asked = owner.page
    assert asked.heading == "Apakah ini Anda?"
    gets_a_new_password(app, owner)
    page = owner.browser.submit(form=next(form for form in asked.forms if form.fields.get("answer") == "no"))
    assert page.heading == "Masuk"


def test_a_device_that_was_allowed_before_a_change_gets_nothing_after_it(owner, service, house, app):
    """S8: it got its tokens, and went on refreshing them."""
    known = house.app.extensions["idp.clients"].known
    grants = ("authorization_code", "refresh_token", DEVICE)
    known["pelatihan"] = known["pelatihan"].model_copy(update={"grant_types": grants})
    television = service("pelatihan")
    told = television.post("/device_authorization", scope="openid offline_access").json()
    owner.wlkp.sends(owner.browser)
    owner.signs_in()
    owner.browser.open(f"/device?user_code={told['user_code']}")
    owner.browser.submit(button=("decision", "allow"))
    gets_a_new_password(app, owner)
    answer = television.post("/token", grant_type=DEVICE, device_code=told["device_code"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.fixture
def officer(house):
    """Types `idp …` beside the provider that runs."""
    told = {
        "IDP_VAR": house.stores.var,
        "IDP_ISSUER": house.issuer,
        "IDP_DATABASE_URL": house.stores.database_url,
        "IDP_REDIS_URL": house.stores.redis_url,
        "IDP_SECRETS_FILE": house.stores.var / "secrets.json",
    }
    gone = {name: None for name in os.environ if name.startswith("IDP_")}

    def types(*arguments):
        environment = gone | {name: str(value) for name, value in told.items()}
        result = CliRunner().invoke(main, [*arguments, "--reason", "tiket 4711"], env=environment, prog_name="idp")
        assert result.exit_code == 0, result.output + repr(result.exception)

    return types


@pytest.mark.parametrize("command", [("end-sessions",), ("assure", "--withdraw")], ids=" ".join)
def test_what_an_officer_ends_goes_on_by_no_token(owner, service, officer, app, command):
    """S11: offline tokens outlived «sign out everywhere», and a refresh still told of a class that was withdrawn."""
    with app.app_context():
        accounts.set_assurance_level(accounts.find(subject_of(app, owner)), ACR_FULL, "tiket 4711")
    offline = service("pelatihan")
    offline.scope = "openid offline_access"
    offline.sends(owner.browser)
    owner.signs_in()
    assert offline.receives(owner.browser)["acr"] == ACR_FULL
    assert offline.userinfo().status_code == 200
    name, *flags = command
    officer("accounts", name, owner.nik, *flags)
    assert offline.userinfo().status_code == 401
    assert offline.refresh().status_code == 400


@pytest.mark.parametrize("everywhere", [False, True], ids=["here", "everywhere"])
def test_a_sign_in_that_waits_for_its_second_factor_is_over_with_a_logout(owner, everywhere):
    """S12: in another tab of the browser that signs out, or in any browser when it is everywhere."""
    owner.wlkp.sends(owner.browser)
    owner.signs_in()
    owner.at(owner.wlkp)
    here = owner.browser
    if everywhere:
        owner.browser = SimpleBrowser(here.issuer)
    owner.wlkp.sends(owner.browser, prompt="login", claims=MUST_BE_TWO)
    owner.signs_in()
    assert owner.page.heading == "Verifikasi dua langkah"
    waits = owner.page.url
    if everywhere:
        here.open("/account/sessions")
        here.press("/account/sessions/end")
    else:
        here.open(owner.wlkp.logout_url())
    assert owner.browser.open(waits).heading == "Masuk"
