"""Pushed authorization requests: only a name travels through the browser, and it is good for one sign-in of one client."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import time_machine
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


def test_a_name_begins_nothing_after_its_minute(
    wlkp: RelyingParty, app: Flask, browser: FlaskClient, clock: time_machine.Traveller
) -> None:
    """S19, C1: RFC 9126 section 2.2 MUST: an expired one is refused, also while an interaction that began with it waits."""
    unused, begun = named(wlkp, push(wlkp)), named(wlkp, push(wlkp))
    early = app.test_client()
    assert early.get(begun).location.endswith("/login")
    clock.shift(60)
    for url in (unused, begun):
        for late in (early, browser):
            refused = late.get(url)
            assert (refused.status_code, refused.location) == (400, None)


def test_whoever_began_in_time_has_the_time_of_an_interaction(
    wlkp: RelyingParty, siti: str, sign_in: Callable[..., FlaskClient], clock: time_machine.Traveller, app: Flask
) -> None:
    """S19: sixty seconds are for the browser to arrive; the person then signs in at leisure."""
    browser = app.test_client()
    url = named(wlkp, push(wlkp))
    door = browser.get(url).location.removesuffix("/login")
    kept = app.extensions["idp.storage.redis_store"].redis
    [name] = kept.keys("par:*")
    assert 1700 < kept.ttl(name) <= 1800
    clock.shift(25 * 60)
    signed_in = sign_in(siti)
    for cookie in (browser._cookies or {}).values():
        signed_in.set_cookie(cookie.key, cookie.value, domain="localhost")
    assert "code" in answer(signed_in.get(door))
    assert not kept.keys("par:*")
    assert browser.get(url).status_code == 400


def test_a_used_up_name_is_never_revived(
    wlkp: RelyingParty, siti: str, sign_in: Callable[..., FlaskClient], app: Flask, clock: time_machine.Traveller
) -> None:
    """C1: another browser that began with the same name, and finishes second, gets an error and keeps nothing alive."""
    url = named(wlkp, push(wlkp))
    second = app.test_client()
    door = second.get(url).location.removesuffix("/login")
    assert "code" in answer(sign_in(siti).get(url))
    assert second.get(url).status_code == 400
    late = sign_in(siti)
    for cookie in (second._cookies or {}).values():
        late.set_cookie(cookie.key, cookie.value, domain="localhost")
    assert answer(late.get(door))["error"] == "invalid_request_uri"
    assert not app.extensions["idp.storage.redis_store"].redis.keys("par:*")
