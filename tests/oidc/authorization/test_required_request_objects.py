"""A client that registered `require_signed_request_object` is heard only when it signed what it asks."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from idp.core import crypto
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


def signed(app: Flask) -> str:
    stated = {
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
    return jwt.encode({"alg": "ES256"}, stated, KEY)


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
