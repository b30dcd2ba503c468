"""The demo service JKP: its claim page takes no account in probation, and says why and what to do."""

import pytest

from tests.demo_services import demo_service
from tests.recoveries import DAY, HOUR, NEW


@pytest.fixture
def jkp(issuer, monkeypatch):
    """A browser at the service, which talks to our provider as it does in `make run`."""
    return demo_service("jkp", issuer, monkeypatch).test_client()


def arrives(jkp, browser):
    """The browser comes back from the provider; the page of the service that it ends on."""
    path = browser.url_of_service.removeprefix("http://127.0.0.1:5002")
    return jkp.get(path, follow_redirects=True)


@pytest.fixture
def siti(person, service, clock, jkp):
    """Somebody who has recovered their account by identity, signed in at JKP."""
    siti = person("Siti")
    wlkp = service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    clock.shift(31 * DAY + 61)  # not used lately: else the recovery would wait
    wlkp.sends(siti.browser)
    siti.recovers("identity", **NEW)
    siti.browser.open(jkp.get("/login").location)
    siti.signs_in()
    arrives(jkp, siti.browser)
    return siti


def test_a_recovered_account_is_refused_for_claims_and_told_why(siti, jkp, clock):
    page = jkp.get("/klaim")
    assert page.status_code == 403
    assert "dipulihkan pada 2 April 2026 pukul 12.01 WIB" in page.text
    siti.browser.open(jkp.get("/klaim/masuk").location)
    assert siti.page.heading == "Layanan ini tersedia mulai 3 April 2026 pukul 12.01 WIB"
    siti.browser.back_to_service()
    assert "Anda kembali tanpa masuk." in arrives(jkp, siti.browser).text
    clock.shift(24 * HOUR)
    siti.browser.open(jkp.get("/klaim/masuk").location)
    siti.signs_in()
    page = arrives(jkp, siti.browser)
    assert page.request.path == "/klaim", "the sign-in ends where it began"
    assert page.status_code == 200 and "Klaim manfaat untuk" in page.text
    assert "Data cocok dengan Dukcapil" in page.text
    assert "Klaim contoh Anda sudah kami terima." in jkp.post("/klaim", follow_redirects=True).text


def test_a_claim_cannot_be_sent_past_the_page(siti, jkp):
    """The class is asked for where the claim is taken, and not only where it is shown."""
    assert jkp.post("/klaim").status_code == 403
    assert jkp.post("/klaim", headers={"Origin": "http://127.0.0.1:5001"}).status_code == 403
    assert "sudah kami terima" not in jkp.get("/klaim").text
