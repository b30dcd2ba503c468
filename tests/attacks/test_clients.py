"""Attacks by a client, or by whoever pretends to be one: each gets what its entry allows, of its own, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import accounts
from idp.oidc.clients.rules import DEVICE_CODE_GRANT, TOKEN_EXCHANGE_GRANT
from tests.oidc.conftest import RelyingParty, answer

GRANTS = {
    "authorization_code": {"code": "x", "redirect_uri": "https://rp.example/cb"},
    "refresh_token": {"refresh_token": "r-x"},
    "client_credentials": {"scope": "api"},
    DEVICE_CODE_GRANT: {"device_code": "x"},
    TOKEN_EXCHANGE_GRANT: {"subject_token": "x", "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"},
}
NEVER = ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer"]
RESPONSE_TYPES = ["token", "id_token", "code id_token", "code token", "id_token token", "code id_token token", "none"]


@pytest.fixture
def thief(register: Callable[..., RelyingParty]) -> RelyingParty:
    return register("thief", resource_server=True)


def test_the_code_of_another_client(wlkp: RelyingParty, thief: RelyingParty, browser: FlaskClient) -> None:
    code = wlkp.code(browser)
    assert thief.redeem(code).json["error"] == "invalid_grant"
    assert wlkp.redeem(code).status_code == 200, "and it was not burnt"


def test_the_tokens_of_another_client(wlkp: RelyingParty, thief: RelyingParty, browser: FlaskClient) -> None:
    given = wlkp.redeem(wlkp.code(browser)).json
    for token in (given["access_token"], given["refresh_token"]):
        assert thief.post("/introspect", token=token).json == {"active": False}
        assert thief.post("/revoke", token=token).status_code == 200
        assert wlkp.post("/introspect", token=token).json["active"], "revoking what is not yours revokes nothing"
    assert thief.refresh(given["refresh_token"]).json["error"] == "invalid_grant"


def test_a_token_for_another_audience_opens_no_userinfo(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    api = "https://api.example/"
    party = register("shop", resources=(api,))
    given = party.redeem(party.code(browser, resource=api)).json
    assert party.userinfo(given["access_token"]).status_code == 401


@pytest.mark.parametrize("grant", GRANTS)
def test_a_grant_that_the_entry_does_not_name(register: Callable[..., RelyingParty], grant: str) -> None:
    others = tuple(g for g in ("authorization_code", "client_credentials") if g != grant) or ("authorization_code",)
    party = register("poor", grant_types=others, response_types=("code",) if "authorization_code" in others else ())
    assert party.post("/token", grant_type=grant, **GRANTS[grant]).json["error"] == "unauthorized_client"


@pytest.mark.parametrize("grant", NEVER)
def test_a_grant_that_nobody_has(wlkp: RelyingParty, grant: str) -> None:
    response = wlkp.post("/token", grant_type=grant, username="siti@example.com", password="Matahari!7terbit")
    assert response.json["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_a_response_type_that_the_entry_does_not_name(wlkp: RelyingParty, browser: FlaskClient, response_type: str) -> None:
    response = browser.get(wlkp.url(response_type=response_type))
    # Refused before anything is issued: no token and no code in it, wherever the error travels.
    assert "access_token" not in response.location and "code=" not in response.location and "id_token=" not in response.location
    assert "error=unsupported_response_type" in response.location or "error=unauthorized_client" in response.location


@pytest.mark.parametrize("method", ["plain", "s256", "S512", ""])
def test_no_challenge_but_s256(wlkp: RelyingParty, browser: FlaskClient, method: str) -> None:
    """A downgrade of PKCE (RFC 9700 section 4.8.2)."""
    told = answer(browser.get(wlkp.url(code_challenge_method=method or None)))
    assert told["error"] == "invalid_request"


def test_a_code_injected_into_another_session(wlkp: RelyingParty, browser: FlaskClient) -> None:
    """The thief's code at the victim's client: its verifier does not fit (RFC 9700 section 4.5)."""
    assert wlkp.redeem(wlkp.code(browser), code_verifier="w" * 64).json["error"] == "invalid_grant"
    assert wlkp.redeem(wlkp.code(browser), code_verifier=None).json["error"] == "invalid_grant"


@pytest.mark.parametrize("changes", [{}, {"prompt": "none", "max_age": "0"}, {"scope": "nonsense"}, {"response_type": "token"}])
def test_every_answer_names_who_gives_it(wlkp: RelyingParty, browser: FlaskClient, changes: dict[str, str]) -> None:
    """Mix-up (RFC 9207): success and error alike."""
    location = browser.get(wlkp.url(**changes)).location
    assert "iss=" in location and wlkp.issuer.replace(":", "%3A").replace("/", "%2F") in location


def test_two_ways_of_proving_oneself_at_once(app: Flask, wlkp: RelyingParty) -> None:
    form = {"grant_type": "client_credentials", "client_id": "wlkp", "client_secret": "x"}
    assert app.test_client().post("/token", data=form, headers=wlkp.basic).json["error"] == "invalid_request"


def test_an_account_locked_between_approval_and_redemption(
    app: Flask, wlkp: RelyingParty, browser: FlaskClient, siti: str
) -> None:
    code = wlkp.code(browser)
    given = wlkp.redeem(wlkp.code(browser)).json
    with app.test_request_context():
        account: Any = accounts.find(siti)
        accounts.lock(account, "test")
    assert wlkp.redeem(code).json["error"] == "invalid_grant"
    assert wlkp.userinfo(given["access_token"]).status_code == 401
    assert wlkp.refresh(given["refresh_token"]).json["error"] == "invalid_grant"
    assert "/login" in browser.get(wlkp.url()).location, "and the session is no session any more"
