"""Authlib's client: the three demo services, as processes, and one person who goes from one to the next."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import House
from tests.interop.conftest import arrive, move, send_from, visit
from tests.relying_party import CALLBACKS, RelyingParty


@pytest.fixture
def demos(house: House, start: Callable[..., str], free_port: Callable[[], int]) -> dict[str, str]:
    """The addresses of the three services."""
    found = {}
    for name in CALLBACKS:
        port = free_port()
        own = {
            f"{name.upper()}_CLIENT_SECRET": RelyingParty.of_demo(house.issuer, name).secret,
            f"{name.upper()}_PORT": str(port),
        }
        found[name] = start(sys.executable, f"examples/{name}/app.py", port=port, IDP_ISSUER=house.issuer, **own)
        move(house, name, found[name], backchannel_logout_uri=f"{found[name]}/logout/backchannel")
    return found


def test_one_sign_in_opens_all_three_and_a_logout_ends_it(demos: dict[str, str], person: Callable[..., Any]) -> None:
    """Registration, SSO, prompt=none and logout at once for all (U5), every token checked by Authlib."""
    siti = person("Siti")
    browser = siti.browser
    assert "Masuk dengan SIAPkerja ID" in visit(browser, f"{demos['wlkp']}/").text

    visit(browser, f"{demos['wlkp']}/register")
    siti.registers()
    assert "Selamat datang, SITI NURHALIZA RAHAYU" in arrive(browser).text
    assert siti.email in browser.page.text

    told = visit(browser, f"{demos['jkp']}/").text
    assert siti.nik in told
    assert f"{siti.phone} (terverifikasi)" in told
    told = visit(browser, f"{demos['pelatihan']}/login").text
    assert "Selamat datang, SITI NURHALIZA RAHAYU" in told
    assert siti.nik not in told

    siti.outbox.to(siti.e164)  # waits for what goes on behind the answers: the notices to the services
    send_from(browser, browser.page.forms[0])
    siti.outbox.to(siti.e164)
    for address in demos.values():
        assert "Masuk dengan SIAPkerja ID" in visit(browser, f"{address}/").text
    visit(browser, f"{demos['wlkp']}/login")
    assert browser.page.url.startswith(siti.browser.issuer)
    siti.signs_in()
    assert "Selamat datang, SITI NURHALIZA RAHAYU" in arrive(browser).text
