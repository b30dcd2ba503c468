"""The demo services hear of sign-outs: logout tokens obeyed and refused, the front channel, and answers nobody asked for."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from idp.oidc.tokens import signing_keys
from tests.conftest import House
from tests.demo_services import demo_service

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LEAVE_OUT = object()


@pytest.fixture
def wlkp(issuer: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The service."""
    return demo_service("wlkp", issuer, monkeypatch)


@pytest.fixture
def siti(wlkp: Flask, person: Callable[..., Any]) -> Any:
    """Somebody with an account at the provider, whose browser also stands at WLKP."""
    siti = person("Siti")
    siti.at_wlkp = wlkp.test_client()
    siti.browser.open(siti.at_wlkp.get("/register").location)
    siti.registers()
    arrives(siti)
    return siti


def arrives(siti: Any) -> Any:
    return siti.at_wlkp.get(siti.browser.url_of_service.removeprefix("http://127.0.0.1:5001"), follow_redirects=True)


def signed_in(browser: FlaskClient) -> bool:
    """Whether the service knows the person without asking the provider."""
    page = browser.get("/")
    return page.status_code == 200 and "Selamat datang" in page.text


@pytest.fixture
def told(siti: Any) -> dict[str, Any]:
    """The claims of the ID token that WLKP got."""
    kept = siti.at_wlkp.application.extensions["desk"].sessions._kept
    (known,) = kept.values()
    return dict(known.claims)


@pytest.fixture
def token(house: House, told: dict[str, Any]) -> Callable[..., str]:
    """Logout tokens signed by the provider; what a test changes in one is all that is wrong with it."""

    def made(typ: str = "logout+jwt", alg: str = "ES256", **changes: Any) -> str:
        sound = {"iss": told["iss"], "aud": "wlkp", "sub": told["sub"], "sid": told["sid"], "events": {EVENT: {}}}
        sound |= {"iat": int(time.time()), "exp": int(time.time()) + 120, "jti": f"jti-{time.monotonic_ns()}"}
        claims = {name: value for name, value in (sound | changes).items() if value is not LEAVE_OUT}
        with house.app.app_context():
            return signing_keys.sign(claims, alg, typ=typ)

    return made


def hears(service: Flask, token: str) -> int:
    return service.test_client().post("/logout/backchannel", data={"logout_token": token}).status_code


def test_a_sound_token_ends_the_session_it_names(siti: Any, wlkp: Flask, token: Callable[..., str]) -> None:
    """U5: what the cookie still holds opens nothing any more."""
    assert signed_in(siti.at_wlkp)
    answer = wlkp.test_client().post("/logout/backchannel", data={"logout_token": token()})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert not signed_in(siti.at_wlkp)


@pytest.mark.parametrize("named", [{"sub": LEAVE_OUT}, {"sid": LEAVE_OUT}])
def test_sid_or_sub_alone_is_enough(siti: Any, wlkp: Flask, token: Callable[..., str], named: dict[str, Any]) -> None:
    assert hears(wlkp, token(**named)) == 200
    assert not signed_in(siti.at_wlkp)


@pytest.mark.parametrize(
    "named", [{"sid": "another-session"}, {"sub": "somebody-else"}, {"sid": LEAVE_OUT, "sub": "somebody-else"}]
)
def test_other_sessions_stay(siti: Any, wlkp: Flask, token: Callable[..., str], named: dict[str, Any]) -> None:
    assert hears(wlkp, token(**named)) == 200
    assert signed_in(siti.at_wlkp)


WRONG = {
    "issuer": {"iss": "https://elsewhere.example"},
    "audience": {"aud": "jkp"},
    "no audience": {"aud": LEAVE_OUT},
    "expired": {"exp": 1_700_000_000},
    "no expiry": {"exp": LEAVE_OUT},
    "from the future": {"iat": 4_000_000_000, "exp": 4_000_000_100},
    "no time": {"iat": LEAVE_OUT},
    "no events": {"events": LEAVE_OUT},
    "another event": {"events": {"http://schemas.openid.net/secevent/risc/event-type/account-disabled": {}}},
    "an event that is no object": {"events": {EVENT: None}},
    "events as a list": {"events": [EVENT]},
    "a nonce": {"nonce": "n"},
    "an empty nonce": {"nonce": ""},
    "nobody": {"sub": LEAVE_OUT, "sid": LEAVE_OUT},
    "an empty sid": {"sid": ""},
    "a sid that is a number": {"sid": 7},
    "no jti": {"jti": LEAVE_OUT},
    "the type of an ID token": {"typ": "JWT"},
    "an algorithm that we have not registered": {"alg": "RS256"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_token_with_one_flaw_ends_nothing(siti: Any, wlkp: Flask, token: Callable[..., str], wrong: dict[str, Any]) -> None:
    """U5, Back-Channel Logout 1.0 section 2.6, step by step."""
    assert hears(wlkp, token(**wrong)) == 400
    assert signed_in(siti.at_wlkp)


def test_a_token_is_obeyed_once(siti: Any, wlkp: Flask, token: Callable[..., str]) -> None:
    """U5: a token that somebody kept signs nobody out a second time."""
    kept = token(sid=LEAVE_OUT)
    assert hears(wlkp, kept) == 200
    siti.browser.open(siti.at_wlkp.get("/login").location)
    arrives(siti)
    assert signed_in(siti.at_wlkp)
    assert hears(wlkp, kept) == 400
    assert signed_in(siti.at_wlkp)


def test_nobody_else_can_sign(siti: Any, wlkp: Flask, told: dict[str, Any], issuer: str) -> None:
    public = httpx.get(f"{issuer}/jwks.json").json()["keys"]
    kid = next(key["kid"] for key in public if key.get("alg", "ES256") == "ES256" and key["kty"] == "EC")
    claims = {"iss": told["iss"], "aud": "wlkp", "sid": told["sid"], "events": {EVENT: {}}, "jti": "j"}
    claims |= {"iat": int(time.time()), "exp": int(time.time()) + 100}
    foreign = jwt.encode({"alg": "ES256", "kid": kid, "typ": "logout+jwt"}, claims, ECKey.generate_key("P-256"))
    unknown = jwt.encode({"alg": "ES256", "kid": "unknown", "typ": "logout+jwt"}, claims, ECKey.generate_key("P-256"))
    secret = OctKey.import_key(json.dumps(public[0]).encode())  # the published key as a secret that everybody knows
    confused = jwt.encode({"alg": "HS256", "kid": kid, "typ": "logout+jwt"}, claims, secret, algorithms=["HS256"])
    unsigned = f"{jwt.encode({'alg': 'ES256'}, claims, ECKey.generate_key('P-256')).rpartition('.')[0]}."
    for forged in (foreign, unknown, unknown, confused, unsigned, "", "a.b.c", "{}", "x" * 5000, "é.è.ê"):
        assert hears(wlkp, forged) == 400, forged
    assert signed_in(siti.at_wlkp)


def test_the_form_has_exactly_one_token(siti: Any, wlkp: Flask, token: Callable[..., str]) -> None:
    browser = wlkp.test_client()
    assert browser.post("/logout/backchannel").status_code == 400
    assert browser.post("/logout/backchannel", data={"logout_token": [token(), token()]}).status_code == 400
    assert browser.get("/logout/backchannel", query_string={"logout_token": token()}).status_code == 405
    assert browser.post("/logout/backchannel", data={"logout_token": "x" * 100_000}).status_code == 413
    assert signed_in(siti.at_wlkp)


def test_the_front_channel_ends_the_session_it_names(siti: Any, wlkp: Flask, told: dict[str, Any], issuer: str) -> None:
    """U5: the frame brings no cookie of ours, and the provider alone may show it."""
    frame = wlkp.test_client()
    for given in (
        {},
        {"sid": told["sid"]},
        {"iss": issuer},
        {"iss": issuer, "sid": ""},
        {"iss": "https://x.example", "sid": told["sid"]},
    ):
        assert frame.get("/logout/frontchannel", query_string=given).status_code == 400
    assert (
        frame.get("/logout/frontchannel", query_string=[("iss", issuer), ("sid", "x"), ("sid", told["sid"])]).status_code == 400
    )
    assert frame.get("/logout/frontchannel", query_string={"iss": issuer, "sid": "unknown"}).status_code == 200
    assert signed_in(siti.at_wlkp)
    answer = frame.get("/logout/frontchannel", query_string={"iss": issuer, "sid": told["sid"]})
    assert answer.status_code == 200
    assert f"frame-ancestors {issuer}" in answer.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer.headers
    assert not signed_in(siti.at_wlkp)


def test_answers_that_this_browser_did_not_ask_for_change_nothing(siti: Any, wlkp: Flask, issuer: str) -> None:
    """An error, a code or an issuer from elsewhere neither signs anybody out nor in."""
    for query in ("error=login_required", "error=login_required&state=x", "code=x&state=y", f"code=x&state=y&iss={issuer}", ""):
        page = siti.at_wlkp.get(f"/callback?{query}")
        assert page.status_code == 400 and "sudah tidak berlaku" in page.text
        assert signed_in(siti.at_wlkp), query
    siti.browser.open(siti.at_wlkp.get("/login").location)
    answered = siti.browser.url_of_service.removeprefix("http://127.0.0.1:5001")
    mixed_up = answered.replace(httpx.QueryParams({"iss": issuer}).__str__(), "iss=https%3A%2F%2Felsewhere.example")
    assert mixed_up != answered
    assert siti.at_wlkp.get(mixed_up).status_code == 400
    stranger = wlkp.test_client()
    assert stranger.get(answered).status_code == 400, "another browser's answer signs nobody in"
    assert not signed_in(stranger)


def test_a_browser_without_cookies_meets_a_page_and_no_loop(siti: Any, wlkp: Flask) -> None:
    """The quiet look at the provider ends on a page that says what is wrong."""
    deaf = wlkp.test_client(use_cookies=False)
    siti.browser.open(deaf.get("/").location)
    page = deaf.get(siti.browser.url_of_service.removeprefix("http://127.0.0.1:5001"))
    assert page.status_code == 400 and "menolak cookie" in page.text and page.location is None


def test_attempts_that_nobody_finished_do_not_fill_the_cookie(wlkp: Flask, issuer: str) -> None:
    browser = wlkp.test_client()
    sizes = []
    for _ in range(40):
        answer = browser.get("/login")
        sizes.append(len(answer.headers["Set-Cookie"]))
    assert max(sizes) < 4000, "browsers drop larger cookies"


def test_forms_of_other_sites_are_refused(siti: Any) -> None:
    assert siti.at_wlkp.post("/logout", headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert siti.at_wlkp.post("/logout", headers={"Origin": "null"}).status_code == 403
    assert signed_in(siti.at_wlkp)
    answer = siti.at_wlkp.post("/logout", headers={"Origin": "http://127.0.0.1:5001"})
    assert answer.status_code == 303 and answer.location.startswith(siti.browser.issuer)
    assert not signed_in(siti.at_wlkp)


def test_a_provider_out_of_reach_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = "http://127.0.0.1:9"  # the discard port: nothing listens there
    alone = demo_service("wlkp", nobody, monkeypatch).test_client()
    page = alone.get("/")
    assert page.status_code == 200 and "Masuk dengan SIAPkerja ID" in page.text
    page = alone.get("/login")
    assert page.status_code == 503 and "sedang tidak dapat dihubungi" in page.text
    assert alone.post("/logout/backchannel", data={"logout_token": "a.b.c"}).status_code == 503
