"""A process that dies between a change and its notice: the notice was kept with the change, and another process sends it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from idp import notices
from tests.recoveries import DAY


@pytest.fixture
def siti(person, service, clock):
    """Somebody registered, on the way to a service in a browser of no account's."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    clock.shift(61)
    service("wlkp").sends(siti.browser)
    return siti


@pytest.fixture
def dies(app):
    """Nothing is ever sent again by this process: whatever it was about to send behind the answer is gone."""

    def now():
        behind = app.extensions.pop("idp.core.background", None)
        if behind is not None:
            behind.shutdown()
        dead = app.extensions["idp.core.background"] = ThreadPoolExecutor(1)
        dead.shutdown()

    yield now
    app.extensions.pop("idp.core.background", None)


def another_process(app):
    """Starts, and looks what is due."""
    app.extensions.pop("idp.core.background", None)
    with app.app_context():
        notices.deliver_due()


def test_a_new_password_is_told_after_a_crash(siti, app, outbox, dies):
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi lewat nomor handphone")
    siti.browser.submit(nik=siti.nik, phone=siti.phone)
    siti.types_the_code()
    dies()
    siti.browser.submit(password="Rembulan!8terbit")
    assert not [m for m in outbox.to(siti.e164) if "password akun Anda diubah" in m.text]
    another_process(app)
    for contact in (siti.e164, siti.email):
        assert "diubah" in outbox.to(contact)[-1].text and "/bukan-saya" in outbox.to(contact)[-1].text


def test_the_old_contacts_can_object_after_a_crash(siti, service, app, outbox, clock, dies):
    clock.shift(31 * DAY)  # not used lately: else the recovery would wait
    service("wlkp").sends(siti.browser)
    old = (siti.e164, siti.email)
    siti.browser.click("Kendala Masuk ke Akun?")
    siti.browser.click("Verifikasi identitas diri")
    siti.proves_identity()
    siti.phone, siti.email = "081299997777", "baru@surat.example"
    siti.facts |= {siti.phone, siti.e164, siti.email}
    siti.gives_contacts(password="Rembulan!8terbit")
    code = outbox.code(siti.e164)
    siti.facts.add(code)
    dies()
    siti.browser.submit(code=code)
    another_process(app)
    for contact in old:
        told = outbox.to(contact)[-1].text
        assert "dipulihkan" in told and "/recovery/veto/" in told
