"""A client that registered `require_signed_request_object` is heard only when it signed what it asks."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from idp.core import clock, crypto
from tests.oidc.conftest import CALLBACK, VERIFIER, RelyingParty, answer

KEY = ECKey.generate_key("P-256")


@pytest.fixture
def signing(register: Callable[..., RelyingParty]) -> RelyingParty:
    return register(
        "signing",
        jwks={"keys": [KEY.as_dict(private=False)]},
        request_object_signing_alg="ES256",
        require_signed_request_object=True,
    )


def signed(app: Flask, typ: str | None = None, **changes: Any) -> str:
    stated = {
        "exp": int(clock.now().timestamp()) + 300,
        "iss": "signing",
        "aud": app.extensions["idp.settings"].issuer,
        "client_id": "signing",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "signed-state",
        "code_challenge": crypto.digest(VERIFIER),
        "code_challenge_method": "S256",
    }
    said = {name: value for name, value in (stated | changes).items() if value is not None}
    return jwt.encode({"alg": "ES256"} | ({"typ": typ} if typ else {}), said, KEY)


def test_a_request_in_the_open_is_refused(signing: RelyingParty, browser: FlaskClient) -> None:
    told = answer(browser.get(signing.url()))
    assert (told["error"], told["state"]) == ("invalid_request", "the-state")
    assert "code" not in told


def test_a_signed_request_is_answered(app: Flask, signing: RelyingParty, browser: FlaskClient) -> None:
    told = answer(browser.get(signing.url(request=signed(app), state=None)))
    assert "code" in told
    assert told["state"] == "signed-state"


def test_pushing_is_no_way_around_it(app: Flask, signing: RelyingParty, browser: FlaskClient) -> None:
    asked = {"response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "code_challenge": crypto.digest(VERIFIER)}
    refused = signing.post("/par", **asked, code_challenge_method="S256")
    assert (refused.status_code, refused.get_json()["error"]) == (400, "invalid_request")
    pushed = signing.post("/par", request=signed(app))
    assert pushed.status_code == 201, pushed.get_data(as_text=True)
    told = answer(browser.get(f"/authorize?client_id=signing&request_uri={pushed.get_json()['request_uri']}"))
    assert "code" in told


def test_what_travels_beside_the_signature_counts_for_nothing(app: Flask, signing: RelyingParty, browser: FlaskClient) -> None:
    """S15: of a client that must sign, nobody in between adds a parameter, nor when it is pushed (RFC 9101 section 6.3)."""
    beside = {"prompt": "login", "max_age": "0", "nonce": "foreign", "state": "foreign", "response_mode": "fragment"}
    told = answer(browser.get(signing.url(request=signed(app, state=None), **beside)))
    assert "code" in told
    assert "state" not in told
    given = signing.redeem(told["code"]).get_json()
    assert "nonce" not in signing.stated(given["id_token"])
    pushed = signing.post("/par", request=signed(app), prompt="login", nonce="foreign")
    told = answer(browser.get(f"/authorize?client_id=signing&request_uri={pushed.get_json()['request_uri']}&prompt=login"))
    assert "nonce" not in signing.stated(signing.redeem(told["code"]).get_json()["id_token"])


def test_a_client_that_may_sign_still_says_the_rest_in_the_open(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    """S15: OpenID Connect Core 6.1 lets parameters stand beside the object of everybody else."""
    party = register("signing", jwks={"keys": [KEY.as_dict(private=False)]}, request_object_signing_alg="ES256")
    told = answer(browser.get(party.url(request=signed(app, state=None, exp=None))))
    assert told["state"] == "the-state"


@pytest.mark.parametrize("missing", ["iss", "aud", "exp"])
def test_it_says_who_for_whom_and_until_when(app: Flask, signing: RelyingParty, browser: FlaskClient, missing: str) -> None:
    """S15: without them it could be replayed for ever, or to another server."""
    told = answer(browser.get(signing.url(request=signed(app, **{missing: None}))))
    assert told["error"] == "invalid_request_object"


@pytest.mark.parametrize("required", [True, False])
def test_an_assertion_is_no_request(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient, required: bool
) -> None:
    """S15: what proves a client elsewhere is refused by its `sub` (RFC 9101 section 10.8), and any other JWT by its type."""
    party = register(
        "signing", jwks={"keys": [KEY.as_dict(private=False)]}, require_signed_request_object=required, redirect_uris=(CALLBACK,)
    )
    outside = dict(parse_qsl(urlsplit(party.url()).query))
    for forged in (signed(app, sub="signing"), signed(app, typ="client-authentication+jwt"), signed(app, typ="dpop+jwt")):
        told = answer(browser.get("/authorize", query_string=outside | {"request": forged}))
        assert told["error"] == "invalid_request_object"
    for usual in ("JWT", "oauth-authz-req+jwt", None):
        assert "code" in answer(browser.get("/authorize", query_string=outside | {"request": signed(app, typ=usual)}))
