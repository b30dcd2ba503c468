"""Pushed authorization requests: only a name travels through the browser, and it is good for one sign-in of one client."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from flask.testing import FlaskClient

from tests.oidc.conftest import CALLBACK, RelyingParty, answer


def push(party: RelyingParty, **changes: str | None) -> str:
    form = dict(parse_qsl(urlsplit(party.url(**changes)).query))
    response = party.post("/par", **form)
    assert response.status_code == 201
    assert response.json["expires_in"] == 60
    return str(response.json["request_uri"])


def named(party: RelyingParty, name: str) -> str:
    return party.url(**dict.fromkeys(["redirect_uri", "response_type", "scope", "state", "nonce"]), request_uri=name)


def test_a_pushed_request_is_answered_as_it_was_pushed(wlkp: RelyingParty, browser: FlaskClient) -> None:
    told = answer(browser.get(named(wlkp, push(wlkp))))
    assert told["state"] == "the-state"
    assert wlkp.redeem(told["code"]).status_code == 200


def test_what_travels_beside_the_name_counts_for_nothing(wlkp: RelyingParty, browser: FlaskClient) -> None:
    url = named(wlkp, push(wlkp)) + "&state=other&redirect_uri=https://evil.example/&scope=phone"
    assert answer(browser.get(url))["state"] == "the-state"


def test_a_name_is_dead_once_it_was_answered(wlkp: RelyingParty, browser: FlaskClient) -> None:
    url = named(wlkp, push(wlkp))
    assert "code" in answer(browser.get(url))
    assert browser.get(url).status_code == 400


def test_a_name_works_again_until_the_person_has_signed_in(wlkp: RelyingParty, app: Flask, browser: FlaskClient) -> None:
    url = named(wlkp, push(wlkp))
    for _ in range(2):
        assert app.test_client().get(url).location.endswith("/login")
    assert "code" in answer(browser.get(url))


def test_the_name_of_another_client_is_no_name(
    wlkp: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    assert browser.get(named(register("thief"), push(wlkp))).location is None


def test_an_invalid_request_is_refused_when_it_is_pushed(wlkp: RelyingParty, app: Flask) -> None:
    form = dict(parse_qsl(urlsplit(wlkp.url(redirect_uri="https://evil.example/")).query))
    assert wlkp.post("/par", **form).json["error"] == "invalid_request"
    assert app.test_client().post("/par", data=form).json["error"] == "invalid_client"
    assert wlkp.post("/par", **form | {"redirect_uri": CALLBACK, "request_uri": "urn:x"}).json["error"] == "invalid_request"


def test_a_client_that_must_push_cannot_ask_in_the_open(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    party = register("careful", require_pushed_authorization_requests=True)
    assert answer(browser.get(party.url()))["error"] == "invalid_request"
    assert "code" in answer(browser.get(named(party, push(party))))
