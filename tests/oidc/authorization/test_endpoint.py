"""The authorization endpoint: what is refused and where the refusal goes, silent sign-in, consent, the way back."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import accounts
from idp.core.values import ACR_FULL
from idp.oidc.authorization import consent
from idp.sessions import single_sign_on
from tests.oidc.conftest import CALLBACK, RelyingParty, answer
from tests.simple_browser import Page

INVALID: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": None}, "invalid_request"),
    ({"response_type": 'tok"én'}, "unsupported_response_type"),
    ({"response_mode": "pigeon"}, "invalid_request"),
    ({"scope": "unheard-of"}, "invalid_scope"),
    ({"scope": None}, "invalid_scope"),
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "é" * 43}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "dance"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"max_age": "9" * 30}, "invalid_request"),
    ({"claims": "{"}, "invalid_request"),
    ({"claims": "[]"}, "invalid_request"),
    ({"claims": '{"userinfo": {"name": 3}}'}, "invalid_request"),
    ({"claims": '{"id_token": {"acr": {"values": 3}}}'}, "invalid_request"),
    ({"id_token_hint": "a.b.c"}, "invalid_request"),
    ({"nonce": "n" * 5000}, "invalid_request"),
    ({"registration": "{}"}, "registration_not_supported"),
]

BAD_URIS = [
    None, CALLBACK + "/", CALLBACK + "/..", CALLBACK + "?x=1", CALLBACK + "#f", "https://rp.example/CB", "http://rp.example/cb",
    "https://rp.example:443/cb", "https://rp.example./cb", "https://rp.example@evil.example/cb", "https://evil.example/cb",
    "https://rp.example.evil.example/cb", "https://rp.example\\@evil.example/cb", "https://rp.example/%63b",
    "https://rp.example/cb;x", "https://rp.example/cb\t", " " + CALLBACK, "//rp.example/cb", "javascript:alert(1)",
    "data:text/html,x", "https://xn--rp-xxx.example/cb", "https://rp.example/a/../cb", CALLBACK + '"><script>',
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error"), INVALID)
def test_an_invalid_request_is_told_to_the_client_with_state_and_issuer(
    wlkp: RelyingParty, browser: FlaskClient, changes: dict[str, str | None], error: str
) -> None:
    told = answer(browser.get(wlkp.url(**changes)))
    assert (told["error"], told["state"], told["iss"]) == (error, "the-state", wlkp.issuer)
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]*", told.get("error_description", ""))


@pytest.mark.parametrize("uri", BAD_URIS)
def test_a_redirect_uri_that_is_not_exactly_registered_is_never_followed(
    wlkp: RelyingParty, browser: FlaskClient, uri: str | None
) -> None:
    for changes in ({}, *(changes for changes, _ in INVALID)):
        response = browser.get(wlkp.url(redirect_uri=uri, **changes))
        assert response.status_code == 400
        assert response.location is None
        assert b'data-error="' in response.data


def test_an_error_that_may_not_travel_still_leads_back_to_the_service(register: Any, browser: FlaskClient) -> None:
    party = register(
        "known", client_name="Lowongan", client_uri="https://rp.example/home", logo_uri="https://rp.example/logo.png"
    )
    response = browser.get(party.url(redirect_uri="https://evil.example/cb"))
    page = Page("http://localhost/", 400, response.get_data(as_text=True))
    assert page.link("Kembali ke Lowongan") == "https://rp.example/home"
    assert not any("evil.example" in href for _, href in page.links)


@pytest.mark.parametrize("client_id", [None, "nobody", "", "<script>", "é"])
def test_an_unknown_client_is_an_error_page(wlkp: RelyingParty, browser: FlaskClient, client_id: str | None) -> None:
    response = browser.get(wlkp.url(client_id=client_id))
    assert (response.status_code, response.location) == (400, None)
    assert b"<script>" not in response.data


@pytest.mark.parametrize("raw", ["client_id=%ff", "client_id=wlkp%00", "a=" + "x" * 70_000, "&".join("a=1" for _ in range(200))])
def test_what_cannot_be_read_is_an_error_page(wlkp: RelyingParty, browser: FlaskClient, raw: str) -> None:
    assert browser.get("/authorize?" + raw).status_code == 400


def test_a_repeated_parameter_is_refused_and_a_repeated_state_not_echoed(wlkp: RelyingParty, browser: FlaskClient) -> None:
    assert answer(browser.get(wlkp.url() + "&scope=openid"))["error"] == "invalid_request"
    assert "state" not in answer(browser.get(wlkp.url() + "&state=other"))
    for name in ("client_id", "redirect_uri"):
        assert browser.get(wlkp.url() + f"&{name}=x").location is None


def test_silent_sign_in_needs_no_page_and_no_interaction(wlkp: RelyingParty, browser: FlaskClient) -> None:
    response = browser.get(wlkp.url(prompt="none"))
    told = answer(response)
    assert (told["state"], told["iss"]) == ("the-state", wlkp.issuer)
    assert response.headers["Cache-Control"] == "no-store"
    assert not any("interaction" in cookie for cookie in response.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("state", ["s" * 128, 'a b+c%"<>&=#é', "\U0001f600"])
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_the_state_comes_back_intact_in_every_response_mode(
    wlkp: RelyingParty, browser: FlaskClient, state: str, mode: str
) -> None:
    response = browser.get(wlkp.url(state=state, response_mode=mode))
    if mode == "form_post":
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', response.get_data(as_text=True)))
        assert unescape(fields["state"]) == state
        assert fields["code"]
        assert unescape(fields["iss"]) == wlkp.issuer
        assert "form-action 'self' https:" in response.headers["Content-Security-Policy"]
        return
    parts = urlsplit(response.location)
    told = parse_qs(parts.fragment if mode == "fragment" else parts.query)
    assert told["state"] == [state]
    assert told["code"]
    assert told["iss"] == [wlkp.issuer]


def test_prompt_none_without_a_session_says_login_required(wlkp: RelyingParty, app: Flask) -> None:
    assert answer(app.test_client().get(wlkp.url(prompt="none")))["error"] == "login_required"


@pytest.mark.parametrize(
    "changes", [{"prompt": "login"}, {"max_age": "10"}, {"max_age": "0"}, {"prompt": "select_account"}, {"prompt": "create"}]
)
def test_a_session_is_not_enough_when_the_client_wants_more(
    wlkp: RelyingParty, siti: str, sign_in: Callable[..., FlaskClient], changes: dict[str, str]
) -> None:
    response = sign_in(siti, seconds_ago=60).get(wlkp.url(**changes))
    assert response.status_code == 303
    assert response.location.startswith("/interaction/")


def test_an_essential_acr_that_cannot_be_met_silently_is_told(wlkp: RelyingParty, browser: FlaskClient) -> None:
    claims = orjson.dumps({"id_token": {"acr": {"essential": True, "values": [ACR_FULL]}}}).decode()
    assert answer(browser.get(wlkp.url(prompt="none", claims=claims)))["error"] == "unmet_authentication_requirements"


def test_a_hint_of_somebody_else_is_login_required(
    wlkp: RelyingParty, browser: FlaskClient, sign_in: Callable[..., FlaskClient]
) -> None:
    mine = wlkp.redeem(wlkp.code(browser)).json["id_token"]
    other = sign_in("somebody-else")
    assert "code" in answer(browser.get(wlkp.url(prompt="none", id_token_hint=mine)))
    assert answer(other.get(wlkp.url(prompt="none", id_token_hint=mine)))["error"] == "login_required"


def test_a_post_is_validated_and_goes_on_as_a_get(wlkp: RelyingParty, browser: FlaskClient) -> None:
    form = {name: values[0] for name, values in parse_qs(urlsplit(wlkp.url()).query).items()}
    foreign = {"Origin": "https://rp.example", "Sec-Fetch-Site": "cross-site"}
    response = browser.post("/authorize", data=form, headers=foreign)
    assert response.status_code == 303
    assert response.location.startswith("/interaction/")
    assert "code" in answer(browser.get(response.location))
    assert answer(browser.post("/authorize", data=form | {"prompt": "dance"}))["error"] == "invalid_request"


def waiting(browser: FlaskClient, party: RelyingParty, **changes: str) -> tuple[str, str]:
    """The consent page's address and its CSRF token."""
    response = browser.get(party.url(**changes))
    assert response.location.endswith("/consent"), response.location
    page = browser.get(response.location).get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    assert "Siti Aminah" in page
    assert "siti@example.com" in page
    return response.location, found[1]


def decide(browser: FlaskClient, party: RelyingParty, decision: str, **changes: str) -> dict[str, str]:
    page, token = waiting(browser, party, **changes)
    response = browser.post(page, data={"decision": decision, "csrf_token": token})
    return answer(browser.get(response.location))


@pytest.mark.every_store
def test_consent_is_asked_once_and_remembered_for_what_was_shown(stranger: RelyingParty, browser: FlaskClient) -> None:
    assert answer(browser.get(stranger.url(prompt="none")))["error"] == "consent_required"
    assert "code" in decide(browser, stranger, "allow")
    assert "code" in answer(browser.get(stranger.url(prompt="none")))
    more = answer(browser.get(stranger.url(prompt="none", scope="openid profile email phone")))
    assert more["error"] == "consent_required"
    by_claims = answer(browser.get(stranger.url(prompt="none", claims='{"userinfo": {"phone_number": null}}')))
    assert by_claims["error"] == "consent_required"


def test_prompt_consent_asks_again(stranger: RelyingParty, browser: FlaskClient) -> None:
    decide(browser, stranger, "allow")
    assert "code" in decide(browser, stranger, "allow", prompt="consent")


def test_saying_no_is_access_denied_and_remembers_nothing(stranger: RelyingParty, browser: FlaskClient) -> None:
    assert decide(browser, stranger, "deny")["error"] == "access_denied"
    assert answer(browser.get(stranger.url(prompt="none")))["error"] == "consent_required"


def test_consent_takes_neither_a_foreign_origin_nor_a_missing_token(stranger: RelyingParty, browser: FlaskClient) -> None:
    page, token = waiting(browser, stranger)
    assert browser.post(page, data={"decision": "allow"}).status_code == 400
    foreign = {"Origin": "https://evil.example"}
    assert browser.post(page, data={"decision": "allow", "csrf_token": token}, headers=foreign).status_code == 400
    assert answer(browser.get(stranger.url(prompt="none")))["error"] == "consent_required"


def test_consent_cannot_be_said_before_signing_in(stranger: RelyingParty, app: Flask) -> None:
    browser = app.test_client()
    login = browser.get(stranger.url()).location
    page = login.rpartition("/")[0] + "/consent"
    assert browser.get(page).location == login.rpartition("/")[0]


def test_an_interaction_of_another_browser_is_gone(stranger: RelyingParty, browser: FlaskClient, app: Flask) -> None:
    page, _ = waiting(browser, stranger)
    assert app.test_client().get(page).status_code == 410


def test_going_back_is_access_denied_with_state(stranger: RelyingParty, browser: FlaskClient) -> None:
    page, token = waiting(browser, stranger)
    back = browser.post(page.removesuffix("consent") + "cancel", data={"csrf_token": token})
    told = answer(browser.get(back.location))
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "the-state", stranger.issuer)
    assert browser.get(back.location).status_code == 410


def test_of_two_tabs_that_finish_one_gets_the_code(stranger: RelyingParty, browser: FlaskClient) -> None:
    page, token = waiting(browser, stranger)
    door = browser.post(page, data={"decision": "allow", "csrf_token": token}).location
    assert "code" in answer(browser.get(door))
    assert browser.get(door).status_code == 410


def test_a_session_that_ended_meanwhile_owes_login_again(
    stranger: RelyingParty, browser: FlaskClient, siti: str, app: Flask
) -> None:
    page, token = waiting(browser, stranger)
    with app.app_context():
        assert single_sign_on.end_all(siti) == 1
    response = browser.post(page, data={"decision": "allow", "csrf_token": token})
    assert browser.get(response.location).location.endswith("/login")


@pytest.mark.every_store
def test_withdrawing_a_grant_kills_its_tokens_and_asks_again(
    stranger: RelyingParty, browser: FlaskClient, siti: str, app: Flask
) -> None:
    code = decide(browser, stranger, "allow", scope="openid profile email offline_access")["code"]
    given = stranger.redeem(code).json
    with app.app_context():
        consent.revoke(siti, "stranger")
        assert consent.of_account(siti) == []
    assert stranger.userinfo(given["access_token"]).status_code == 401
    assert stranger.refresh(given["refresh_token"]).status_code == 400
    assert answer(browser.get(stranger.url(prompt="none")))["error"] == "consent_required"


def test_a_dropped_record_of_the_account_is_read_again_from_sql(
    stranger: RelyingParty, browser: FlaskClient, siti: str, app: Flask
) -> None:
    decide(browser, stranger, "allow")
    with app.app_context():
        accounts.generations.forget(siti)
    assert "code" in answer(browser.get(stranger.url(prompt="none")))
