"""What strangers cannot fill: nothing is stored for somebody who has not acted, and what is kept is bounded."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from idp.core import crypto
from idp.limits import rate_limits
from idp.web import error_pages
from tests.person import Person
from tests.relying_party import RelyingParty

ASKED = {
    "response_type": "code",
    "client_id": "wlkp",
    "redirect_uri": "http://127.0.0.1:5001/callback",
    "scope": "openid",
    "state": "s" * 200,
    "code_challenge": crypto.digest("v" * 64),
    "code_challenge_method": "S256",
}


def keys(app: Flask) -> set[bytes]:
    """Every key in the store but those of the trail, whose length is another matter."""
    return {key for key in app.extensions["idp.storage.redis_store"].redis.keys("*") if not key.startswith(b"audit:")}


def begin(browser: FlaskClient, **changes: str) -> Any:
    return browser.get("/authorize?" + urlencode(ASKED | changes))


def carrier(browser: FlaskClient) -> Any:
    return next(cookie for cookie in browser._cookies.values() if cookie.key == "request")


def test_an_anonymous_request_costs_the_store_nothing(app: Flask) -> None:
    """S22: until its person acts, the browser carries the request."""
    before = keys(app)
    for _ in range(20):
        browser = app.test_client()
        page = browser.get(begin(browser).location)
        assert page.status_code == 200
        assert b"Masuk" in page.data
        posted = browser.post("/authorize", data=ASKED | {"unknown": "x" * 60_000})
        assert browser.get(posted.location, follow_redirects=True).status_code == 200
    assert keys(app) == before


def test_what_nobody_reads_is_not_kept(app: Flask) -> None:
    """S22: 60 kB of a parameter that means nothing were kept for hours, at /authorize and at /par."""
    browser = app.test_client()
    browser.post("/authorize", data=ASKED | {"unknown": "x" * 60_000})
    assert len(carrier(browser).value) < 3800
    wlkp = RelyingParty.of_demo("", "wlkp")
    pushed = browser.post("/par", data=ASKED | {"unknown": "x" * 60_000}, auth=(wlkp.client_id, wlkp.secret))
    assert pushed.status_code == 201
    redis = app.extensions["idp.storage.redis_store"].redis
    assert max(redis.strlen(key) for key in redis.keys("par:*")) < 1000


def test_a_request_too_large_for_a_cookie_is_kept_and_counted(make_app: Callable[..., Flask]) -> None:
    """S22: what the store must keep for a stranger is bounded by address."""
    app = make_app(limits={"interaction_address": 3})
    large = {"state": "é" * 2000, "claims": '{"userinfo":{"name":null}}' + " " * 1500}
    answers = [begin(app.test_client(), **large).status_code for _ in range(4)]
    assert answers == [303, 303, 303, 429]
    assert sum(key.startswith(b"interaction:") for key in keys(app)) == 3


def test_what_a_browser_carries_opens_nothing_for_another(app: Flask) -> None:
    """S22, S13: the cookie that carries the request is worth nothing without the one that proves the browser."""
    mine, thief = app.test_client(), app.test_client()
    place = begin(mine).location
    carried = carrier(mine)
    thief.set_cookie("request", carried.value, path=carried.path)
    assert thief.get(place).status_code == 410
    other = begin(thief).location
    thief.set_cookie("request", carried.value, path=other.rpartition("/")[0])
    assert thief.get(other).status_code == 410
    assert mine.get(place).status_code == 200


@pytest.mark.parametrize("nonsense", ["", ".", "x.y", "é", "a" * 3900, "1.%%%"])
def test_nonsense_in_its_place_is_an_interaction_that_is_gone(app: Flask, nonsense: str) -> None:
    browser = app.test_client()
    place = begin(browser).location
    carried = carrier(browser)
    browser.set_cookie("request", nonsense, path=carried.path)
    assert browser.get(place).status_code == 410


def test_what_is_carried_ends_in_time(app: Flask, clock: time_machine.Traveller) -> None:
    browser = app.test_client()
    place = begin(browser).location
    carried, others = carrier(browser), [c for c in browser._cookies.values() if c.key != "request"]
    clock.shift(31 * 60)
    browser.set_cookie("request", carried.value, path=carried.path)
    for cookie in others:
        browser.set_cookie(cookie.key, cookie.value, path=cookie.path)
    assert browser.get(place).status_code == 410


def test_a_request_that_was_only_carried_ends_once(
    person: Callable[..., Person], service: Callable[..., Any], app: Flask
) -> None:
    """S22: of two tabs that finish one carried interaction at once, one gets the code."""
    siti, wlkp = person("Siti"), service("wlkp")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    session = [cookie for cookie in siti.browser.client.cookies.jar if "session" in cookie.name]
    browsers = []
    first = app.test_client()
    place = first.post("/authorize", data=ASKED).location
    for _ in range(2):
        browser = app.test_client()
        for cookie in first._cookies.values():
            browser.set_cookie(cookie.key, cookie.value, path=cookie.path)
        for cookie in session:
            browser.set_cookie(cookie.name, cookie.value)
        browsers.append(browser)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda browser: browser.get(place), browsers))
    assert sorted(answer.status_code for answer in answers) == [200, 410]
    assert first.get(place).status_code == 410


def test_errors_of_strangers_are_kept_in_bounds(app: Flask) -> None:
    """S22: error pages filled the store as well."""
    before = len(keys(app))
    redis = app.extensions["idp.storage.redis_store"].redis
    redis.set("references:strangers", error_pages.KEPT_OF_STRANGERS - 5, ex=3600)
    for _ in range(20):
        assert app.test_client().get("/nowhere").status_code == 404
    assert len(keys(app)) == before + 5 + 1


def test_errors_inside_a_request_that_is_only_carried_are_a_strangers_too(app: Flask) -> None:
    """S22: a request of one's own, which costs nothing, must not open the store to errors without number."""
    browser = app.test_client()
    place = begin(browser).location
    app.extensions["idp.storage.redis_store"].redis.set("references:strangers", error_pages.KEPT_OF_STRANGERS, ex=3600)
    before = keys(app)
    for _ in range(10):
        assert browser.post(place, data={"csrf_token": "nonsense"}).status_code == 400
    assert {key for key in keys(app) - before if key.startswith(b"reference:")} == set()


def test_going_back_as_a_stranger_writes_no_row(app: Flask) -> None:
    """S30: GET /authorize and Batal wrote a row of the trail each time, for anybody."""
    redis = app.extensions["idp.storage.redis_store"].redis
    browser = app.test_client()
    page = browser.get(begin(browser).location)
    token = page.text.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]
    cancelled = browser.post(page.request.path.replace("/login", "/cancel"), data={"csrf_token": token})
    answered = browser.get(cancelled.location)
    assert "error=access_denied" in answered.text + (answered.location or "")
    assert not [row for row in redis.lrange("audit:{audit}:queue", 0, -1) if b"interaction_cancelled" in row]


def test_acting_is_counted_by_address(make_app: Callable[..., Flask]) -> None:
    app = make_app(limits={"interaction_address": 1})
    outcomes = []
    for _ in range(2):
        browser = app.test_client()
        page = browser.get(begin(browser).location)
        token = page.text.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]
        outcomes.append(browser.post(page.request.path.replace("/login", "/cancel"), data={"csrf_token": token}).status_code)
    assert outcomes == [303, 429]
    assert rate_limits.LIMITS["interaction_address"].per_address
