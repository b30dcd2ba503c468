"""The cookie that proves an interaction: nobody else can plant it, tabs do not collide, and a sign-in leaves the old one behind."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.http import parse_cookie
from werkzeug.test import TestResponse

from idp.core import crypto
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.simple_browser import Page, SimpleBrowser

HTTPS = "https://masuk.example"
ASKED = {
    "response_type": "code",
    "client_id": "wlkp",
    "redirect_uri": "http://127.0.0.1:5001/callback",
    "scope": "openid",
    "state": "s",
    "code_challenge": crypto.digest("v" * 64),
    "code_challenge_method": "S256",
}


def begin(browser: FlaskClient, origin: str = HTTPS) -> TestResponse:
    """A request of a service begins to wait in this browser's pages."""
    return browser.get("/authorize?" + urlencode(ASKED), base_url=origin)


def interaction_cookies(browser: FlaskClient) -> dict[str, str]:
    """The cookies of interactions that a browser would send to any path, by name."""
    kept = browser._cookies or {}
    return {cookie.key: cookie.value for cookie in kept.values() if "interaction" in cookie.key}


@pytest.fixture
def over_https(make_app: Callable[..., Flask]) -> Flask:
    """The provider as people reach it: over https, where browsers hold the prefix sacred."""
    return make_app(issuer=HTTPS)


def test_a_sibling_host_cannot_plant_the_proof_of_an_interaction(over_https: Flask) -> None:
    """S13: the cookie is `__Host-`, so no neighbouring host can set it, and nothing that one can set is read."""
    thief, victim = over_https.test_client(), over_https.test_client(use_cookies=False)
    begun = begin(thief)
    waiting = begun.location.split("/")[2]
    [set_cookie] = [value for value in begun.headers.getlist("Set-Cookie") if "interaction-" in value]
    attributes = {part.strip().lower() for part in set_cookie.split(";")[1:]}
    assert set_cookie.startswith(f"__Host-interaction-{waiting}=")
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)
    secret = set_cookie.partition(";")[0].partition("=")[2]
    [carried] = [value.partition(";")[0] for value in begun.headers.getlist("Set-Cookie") if value.startswith("request=")]
    # What a host beside ours can set for the whole domain: any name but one with the prefix.
    for planted in ("interaction", f"interaction-{waiting}", f"__host-interaction-{waiting}"):
        answer = victim.get(begun.location, base_url=HTTPS, headers={"Cookie": f"{planted}={secret}; {carried}"})
        assert answer.status_code == 410
    cookies = f"__Host-interaction-{waiting}={secret}; {carried}"
    own = victim.get(begun.location, base_url=HTTPS, headers={"Cookie": cookies})
    assert own.status_code == 200


def test_two_tabs_have_a_cookie_each(over_https: Flask) -> None:
    """S13: with one path for all of them, each interaction has a name of its own."""
    browser = over_https.test_client()
    first, second = begin(browser), begin(browser)
    assert len(interaction_cookies(browser)) == 2
    for tab in (first, second, first):
        assert browser.get(tab.location, base_url=HTTPS).status_code == 200


def test_a_browser_keeps_a_bounded_number_of_them(over_https: Flask, clock: time_machine.Traveller) -> None:
    """S13: they travel to every path, so their number is bounded; the oldest go first, and those that expired."""
    browser = over_https.test_client()
    tabs = []
    for _ in range(11):
        tabs.append(begin(browser))
        clock.shift(1)
    assert len(interaction_cookies(browser)) == 8
    assert browser.get(tabs[2].location, base_url=HTTPS).status_code == 410
    assert browser.get(tabs[3].location, base_url=HTTPS).status_code == 200
    header = "; ".join(f"{name}={value}" for name, value in interaction_cookies(browser).items())
    clock.shift(31 * 60)
    fresh = over_https.test_client(use_cookies=False).get(
        "/authorize?" + urlencode(ASKED), base_url=HTTPS, headers={"Cookie": header}
    )
    removed = [value for value in fresh.headers.getlist("Set-Cookie") if "Max-Age=0" in value]
    assert {value.partition("=")[0] for value in removed} == set(parse_cookie(header))


def test_nonsense_in_such_a_cookie_is_taken_away(over_https: Flask) -> None:
    """S13: what somebody wrote there themselves counts as the oldest, and breaks nothing."""
    odd = "; ".join(f"__Host-interaction-{n}={value}" for n, value in enumerate(["", "x.y", "9" * 400 + ".s", "\u00b2.s"]))
    fresh = over_https.test_client(use_cookies=False).get(
        "/authorize?" + urlencode(ASKED), base_url=HTTPS, headers={"Cookie": odd.encode().decode("latin-1")}
    )
    assert fresh.status_code == 303
    assert sum("Max-Age=0" in value for value in fresh.headers.getlist("Set-Cookie")) == 4


def test_it_is_gone_once_the_service_has_its_answer(person: Callable[..., Person], service: Callable[..., RelyingParty]) -> None:
    """S13: an interaction that is over leaves nothing in the browser."""
    budi, wlkp = person("Budi"), service("wlkp")
    wlkp.sends(budi.browser)
    assert _jar(budi.browser)
    budi.registers()
    budi.at(wlkp)
    assert not _jar(budi.browser)


@pytest.fixture
def known(person: Callable[..., Person], service: Callable[..., RelyingParty], issuer: str) -> Person:
    """Budi with an account, at the sign-in page of a fresh browser."""
    budi, wlkp = person("Budi"), service("wlkp")
    wlkp.sends(budi.browser)
    budi.registers()
    budi.browser = SimpleBrowser(issuer)
    wlkp.sends(budi.browser)
    return budi


def test_the_secret_of_before_a_sign_in_is_signed_in_nowhere(known: Person, issuer: str) -> None:
    """S13: whoever knew the secret before somebody signed in ends up at a sign-in page, and in nobody's session."""
    thief = SimpleBrowser(issuer)
    for name, value in _jar(known.browser).items():
        thief.client.cookies.set(name, value, domain="127.0.0.1", path="/")
    door = known.page.url.rpartition("/")[0]
    _steps(known, ends_at="/interaction/")
    assert _jar(known.browser) != _jar(thief)
    thief.open(door)
    assert thief.url_of_service is None
    assert "identifier" in thief.page.form("identifier", "password").fields
    assert not any("session" in name for name in thief.client.cookies)


def _steps(known: Person, ends_at: str) -> None:
    """The sign-in alone: what its POST answers, without the way that it opens."""
    form = known.page.form("identifier", "password")
    sent = known.browser.prepare(form, identifier=known.nik, password=known.password)
    answer = known.browser.client.send(sent)
    assert answer.status_code == 303, answer.text
    assert ends_at in answer.headers["Location"]


def test_a_second_click_on_the_sign_in_button_signs_in_all_the_same(known: Person, service: Callable[..., Any]) -> None:
    """S13: of two clicks the browser forgets the first answer with its cookie; the second one gets the very same."""
    form = known.page.form("identifier", "password")
    before = _jar(known.browser)
    first = known.browser.client.send(known.browser.prepare(form, identifier=known.nik, password=known.password))
    assert first.status_code == 303
    for name, value in before.items():  # the answer to the first click was never read
        known.browser.client.cookies.set(name, value, domain="127.0.0.1", path="/")
    page: Page = known.browser.submit(form=form, identifier=known.nik, password=known.password)
    assert known.browser.url_of_service is not None, page.text[:300]


def _jar(browser: SimpleBrowser) -> dict[str, str]:
    return {name: value or "" for name, value in browser.client.cookies.items() if name.startswith("interaction")}
