"""H3: what an interaction is bound to: the session it began with, the person who consented, the prompt owed, one ending."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import accounts
from idp.accounts import hashing
from idp.core.values import EmailAddress, FullName, Nik, PhoneNumber
from idp.oidc.authorization import consent
from tests.attacks.test_races import MANY, at_once
from tests.oidc.authorization.test_endpoint import waiting
from tests.oidc.conftest import CALLBACK, RelyingParty, answer

SESSION = "idp_session"
BUDI, PASSWORD = "9901015505900002", "Rembulan!8terbit"


@pytest.fixture
def budi(app: Flask) -> str:
    """Somebody else with a password, who sits down at the same browser."""
    with app.app_context():
        phone, email = PhoneNumber.parse("081234562798"), EmailAddress.parse("budi@example.com")
        hashed = hashing.hash_password(PASSWORD)
        return accounts.create(Nik.parse(BUDI), FullName.parse("Budi Santoso"), phone, email, hashed).subject


def session_cookie(browser: FlaskClient) -> str:
    cookie = browser.get_cookie(SESSION)
    assert cookie is not None
    return cookie.value


def follow(browser: FlaskClient, response: TestResponse) -> TestResponse:
    """On through our own redirects, to the page where they end or to the answer that leaves us."""
    while response.status_code == 303 and not response.location.startswith(CALLBACK):
        response = browser.get(response.location)
    return response


def submit(browser: FlaskClient, page: TestResponse, **fields: str) -> TestResponse:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found
    return follow(browser, browser.post(page.request.path, data=fields | {"csrf_token": found[1]}))


def test_a_session_that_changed_hands_on_the_way_owes_a_new_sign_in(
    stranger: RelyingParty, browser: FlaskClient, budi: str, sign_in: Callable[..., FlaskClient]
) -> None:
    """H3: Budi signed in in another tab while Siti's consent page was open: nobody's data goes out by her yes."""
    page, token = waiting(browser, stranger)
    browser.set_cookie(SESSION, session_cookie(sign_in(budi)))
    last = follow(browser, browser.post(page, data={"decision": "allow", "csrf_token": token}))
    assert last.request.path.endswith("/login"), last.location


def test_a_session_that_ended_on_the_way_owes_a_new_sign_in(stranger: RelyingParty, browser: FlaskClient) -> None:
    """H3: Siti signed out in another tab: what that tab began goes no further without her."""
    page, token = waiting(browser, stranger)
    browser.delete_cookie(SESSION)
    last = follow(browser, browser.post(page, data={"decision": "allow", "csrf_token": token}))
    assert last.request.path.endswith("/login"), last.location


def test_one_persons_yes_is_not_anothers(
    app: Flask, stranger: RelyingParty, browser: FlaskClient, siti: str, budi: str, sign_in: Callable[..., FlaskClient]
) -> None:
    """H3: Siti said yes; whoever then signs in within the same interaction is asked anew, and shown their own data."""
    page, token = waiting(browser, stranger)
    said = browser.post(page, data={"decision": "allow", "csrf_token": token})
    browser.set_cookie(SESSION, session_cookie(sign_in(budi)))
    login = follow(browser, said)
    asked = submit(browser, login, identifier=BUDI, password=PASSWORD)
    assert asked.status_code == 200, asked.location
    assert asked.request.path.endswith("/consent")
    assert "Budi Santoso" in asked.text
    assert "Siti Aminah" not in asked.text
    with app.app_context():
        assert consent.of_account(budi) == consent.of_account(siti) == []
    code = answer(submit(browser, asked, decision="allow"))["code"]
    assert stranger.userinfo(stranger.redeem(code).json["access_token"]).json["email"] == "budi@example.com"


def test_a_room_is_open_only_while_a_prompt_that_it_serves_is_owed(
    app: Flask, stranger: RelyingParty, browser: FlaskClient, budi: str
) -> None:
    """H3: while consent is owed, every page of sign-in, registration and recovery leads back to the door, for GET and POST."""
    page, token = waiting(browser, stranger)
    waits = page.removesuffix("/consent")
    rooms = [
        rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in ("login", "registration", "recovery")
    ]
    paths = {
        str(rule).replace("<interaction_id>", waits.rpartition("/")[2]) for rule in rooms if rule.arguments == {"interaction_id"}
    }
    assert len(paths) > 10
    for path in sorted(paths):
        seen = browser.get(path)
        assert (seen.status_code, seen.location) in ((303, waits), (405, None)), path
    sent = browser.post(waits + "/login", data={"identifier": BUDI, "password": PASSWORD, "csrf_token": token})
    assert (sent.status_code, sent.location) == (303, waits)
    assert "Siti Aminah" in follow(browser, sent).text, "still hers"


@pytest.mark.every_store
def test_of_many_tabs_that_finish_at_once_one_gets_a_code(app: Flask, stranger: RelyingParty, browser: FlaskClient) -> None:
    """H3: the interaction is consumed by one of them; the others hear that it is over."""
    page, token = waiting(browser, stranger)
    door = browser.post(page, data={"decision": "allow", "csrf_token": token}).location
    mine = f"interaction-{door.rpartition('/')[2]}"
    kept = [browser.get_cookie(SESSION), browser.get_cookie(mine)]

    def finishes() -> int:
        tab = app.test_client()
        for cookie in kept:
            assert cookie is not None
            tab.set_cookie(cookie.key, cookie.value, path=cookie.path)
        return tab.get(door).status_code

    assert sorted(at_once(finishes)) == [200] + [410] * (MANY - 1)
