"""The demo service JKP: its claim page takes no account in probation, and says why and what to do."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.recoveries import HOUR, NEW
from tests.relying_party import RelyingParty

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def jkp(issuer, monkeypatch):
    """A browser at the service, which talks to our provider as it does in `make run`."""
    monkeypatch.setenv("IDP_ISSUER", issuer)
    monkeypatch.setenv("JKP_CLIENT_SECRET", RelyingParty.of_demo(issuer, "jkp").secret)
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    spec = importlib.util.spec_from_file_location("jkp_demo", EXAMPLES / "jkp" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app = module.create_jkp(replace(module.SERVICE))
    app.template_folder = str(EXAMPLES / "templates")
    return app.test_client()


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
    clock.shift(61)
    wlkp.sends(siti.browser)
    siti.recovers("identity", **NEW)
    siti.browser.open(jkp.get("/login").location)
    siti.signs_in()
    arrives(jkp, siti.browser)
    return siti


def test_a_recovered_account_is_refused_for_claims_and_told_why(siti, jkp, clock):
    page = jkp.get("/klaim")
    assert page.status_code == 403
    assert "dipulihkan pada 02/03/2026 pukul 12.01 WIB" in page.text
    siti.browser.open(jkp.get("/klaim/masuk").location)
    assert siti.page.heading == "Layanan ini tersedia mulai 5 Maret 2026 pukul 12.01 WIB"
    siti.browser.back_to_service()
    assert "Anda kembali tanpa masuk." in arrives(jkp, siti.browser).text
    clock.shift(72 * HOUR)
    siti.browser.open(jkp.get("/klaim/masuk").location)
    siti.signs_in()
    arrives(jkp, siti.browser)
    page = jkp.get("/klaim")
    assert page.status_code == 200 and "Klaim manfaat untuk" in page.text
