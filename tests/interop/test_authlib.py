"""Authlib's client: the three demo services, as processes, and one person who goes from one to the next."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import House
from tests.interop.conftest import arrive, move, visit
from tests.relying_party import CALLBACKS, RelyingParty


@pytest.fixture
def demos(house: House, start: Callable[..., str], free_port: Callable[[], int]) -> dict[str, str]:
    """The addresses of the three services."""
    found = {}
    for name in CALLBACKS:
        secret = {f"{name.upper()}_CLIENT_SECRET": RelyingParty.of_demo(house.issuer, name).secret}
        port = free_port()
        found[name] = start(sys.executable, f"examples/{name}/app.py", port=port, IDP_ISSUER=house.issuer, **secret)
        move(house, name, found[name])
    return found


def test_one_sign_in_opens_all_three_and_a_logout_ends_it(demos: dict[str, str], person: Callable[..., Any]) -> None:
    """Registration, SSO, prompt=none and logout, every token checked by Authlib."""
    siti = person("Siti")
    browser = siti.browser
    assert "Anda belum masuk ke SIAPkerja" in visit(browser, f"{demos['wlkp']}/silent").text

    visit(browser, f"{demos['wlkp']}/register")
    siti.registers()
    assert "Selamat datang, Siti Nurhaliza Rahayu" in arrive(browser).text
    assert siti.email in browser.page.text

    told = visit(browser, f"{demos['jkp']}/silent").text
    assert f"nik {siti.nik}" in told
    assert f"phone_number {siti.e164}" in told
    told = visit(browser, f"{demos['pelatihan']}/login").text
    assert "Selamat datang, Siti Nurhaliza Rahayu" in told
    assert siti.nik not in told

    browser.submit(form=browser.page.forms[0])
    arrive(browser)
    assert "Anda belum masuk ke SIAPkerja" in visit(browser, f"{demos['pelatihan']}/silent").text
    visit(browser, f"{demos['wlkp']}/login")
    assert browser.page.url.startswith(siti.browser.issuer)
    siti.signs_in()
    assert "Selamat datang, Siti Nurhaliza Rahayu" in arrive(browser).text
