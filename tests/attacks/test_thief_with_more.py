"""A thief who has more than the three facts: the SIM, or the password; and what a second factor is worth against each.

The rows (d) to (f) of the thief's table in docs/threat-model.md.
"""

import pytest

from idp import accounts
from idp.authenticators import recovery_codes
from idp.core.values import ACR_FULL, ACR_RECOVERED
from tests.account_rows import put_password
from tests.attacks.test_thief_of_a_number import STOLEN, enters, guarded, owner, recovers, thief  # noqa: F401 (fixtures)
from tests.recoveries import subject_of, vetoes
from tests.simple_browser import SimpleBrowser

FRESH = "081377771231"


def signs_in(somebody, password):
    """In a browser that knows nothing; where it ends up."""
    somebody.browser = SimpleBrowser(somebody.browser.issuer)
    somebody.wlkp.sends(somebody.browser)
    return somebody.browser.submit(identifier=somebody.nik, password=password)


def is_signed_out(somebody):
    somebody.wlkp.sends(somebody.browser, prompt="none")
    return somebody.wlkp.answered(somebody.browser).get("error") == "login_required"


def resets_by_number(somebody):
    """«Verifikasi lewat nomor handphone», as whoever holds the SIM."""
    somebody.browser = SimpleBrowser(somebody.browser.issuer)
    somebody.wlkp.sends(somebody.browser)
    somebody.recovers("phone", STOLEN)


def asks_for_another_number(somebody):
    somebody.browser.open("/account/contacts/phone")
    somebody.browser.submit(phone=FRESH)
    return somebody.types_the_code("+62" + FRESH[1:])


@pytest.mark.every_store
def test_d_with_a_second_factor_the_facts_give_ordinary_services_until_the_no(guarded, thief, outbox, issuer):  # noqa: F811
    """S2: nothing is changed meanwhile, and the no brings password, contacts and app back."""
    assert recovers(thief, phone=FRESH).heading == "Akun Anda aktif kembali"
    assert enters(thief) == ACR_RECOVERED
    assert thief.browser.open("/account/contacts/phone").heading == "Belum dapat diubah"
    assert vetoes(outbox, guarded.e164, issuer).heading == "Pemulihan dibatalkan"
    assert is_signed_out(thief)
    assert signs_in(guarded, guarded.password).heading == "Verifikasi dua langkah"


def test_e_the_sim_alone_opens_an_account_without_second_factor_and_its_address_is_told(owner, thief, outbox):  # noqa: F811
    """The residual risk of SIM swap: the number is what such an account is recovered by."""
    before = len(outbox.to(owner.email))
    resets_by_number(thief)
    assert enters(thief) == ACR_FULL
    assert any("password" in message.text.lower() for message in outbox.to(owner.email)[before:])


@pytest.mark.every_store
def test_e_the_sim_is_not_enough_beside_a_second_factor(guarded, thief, app):  # noqa: F811
    """S2, S21: a new password by the number, and then the app is asked for; as long as one of the recovery codes that came
    with it is left no code by SMS stands in for it."""
    with app.app_context():
        recovery_codes.regenerate(subject_of(app, guarded))
    resets_by_number(thief)
    page = signs_in(thief, STOLEN)
    assert page.heading == "Verifikasi dua langkah"
    assert not [form for form in page.forms if form.action.endswith("/send")]
    assert thief.browser.url_of_service is None


@pytest.mark.every_store
def test_f_the_password_signs_in_and_changes_nothing_and_ends_with_a_new_one(owner, thief, outbox, app):  # noqa: F811
    """S4, S6, S7: a new device is told; contacts want an old one's code; whatever it began is over with the next password."""
    before = len(outbox.to(owner.e164))
    assert enters(thief, owner.password) == ACR_FULL
    assert any("perangkat baru" in message.text for message in outbox.to(owner.e164)[before:])
    assert asks_for_another_number(thief).heading == "Konfirmasi dari kontak lama"
    with app.app_context():
        put_password(accounts.find(subject_of(app, owner)), "Matahari!8terbit")
    assert thief.browser.open("/account/contacts/confirm").heading == "Masuk"
    assert is_signed_out(thief)


def test_f_the_password_is_not_enough_beside_a_second_factor(guarded, thief):  # noqa: F811
    assert signs_in(thief, guarded.password).heading == "Verifikasi dua langkah"
    assert thief.browser.url_of_service is None
    assert thief.browser.open("/account").heading == "Masuk"
