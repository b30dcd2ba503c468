"""Algorithms stand in one table: a row more is an algorithm more, everywhere."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.hashes import SHA384
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import ValidationError

from idp.cli.keys import keys as keys_command
from idp.core import clock, crypto
from idp.oidc import algorithms
from idp.oidc.algorithms import SigningAlgorithm, ecdsa, elliptic
from idp.oidc.clients.client import Client
from idp.oidc.tokens import signing_keys
from idp.storage.database import db
from idp.web import cookies
from tests.oidc.conftest import CALLBACK, VERIFIER, RelyingParty, answer
from tests.test_architecture import IDP, MODULES, name_of

ES384 = SigningAlgorithm("ES384", elliptic("P-384"), ecdsa(SHA384()), "RFC 7518 3.4")
ITS_KEY = ECKey.generate_key("P-384", {"kid": "its-own", "use": "sig"})
ENTRY = {
    "client_id": "modern",
    "client_name": "Modern",
    "redirect_uris": [CALLBACK],
    "scope": "openid profile",
    "first_party": True,
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES384",
    "id_token_signed_response_alg": "ES384",
    "userinfo_signed_response_alg": "ES384",
    "request_object_signing_alg": "ES384",
    "jwks": {"keys": [ITS_KEY.as_dict(private=False)]},
}


@pytest.fixture
def wider(app: Flask, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The same service one line later: a table with a row for ES384."""
    monkeypatch.setattr(algorithms, "SIGNING", (*algorithms.SIGNING, ES384))
    made = make_app(registration_tokens="open")
    yield made
    with made.app_context():
        db.engine.dispose()


def signed(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "ES384", "kid": "its-own"}, claims, ITS_KEY, algorithms=["ES384"])


def test_discovery_names_it_wherever_one_signs(wider: Flask) -> None:
    told = wider.test_client().get("/.well-known/openid-configuration").get_json()
    named = {name for name, values in told.items() if isinstance(values, list) and "ES384" in values}
    assert named == {name for name, values in told.items() if isinstance(values, list) and "ES256" in values}
    assert len(named) == 9


def test_a_client_registers_it(wider: Flask) -> None:
    metadata = {n: v for n, v in ENTRY.items() if n not in ("client_id", "first_party")}
    made = wider.test_client().post("/register", json=metadata)
    assert made.status_code == 201, made.get_json()
    assert made.get_json()["id_token_signed_response_alg"] == "ES384"


def test_its_key_is_made_published_rotated_and_retired(wider: Flask) -> None:
    with wider.app_context():
        first = signing_keys.active_key("ES384").kid
        published = json.loads(signing_keys.key_ring().jwks)["keys"]
        assert [key["crv"] for key in published if key["kid"] == first] == ["P-384"]
        following = signing_keys.rotate("ES384", at_once=True)
        assert signing_keys.active_key("ES384").kid == following != first
        assert signing_keys.retire(following)
        assert signing_keys.active_key("ES384").kid == first
    shown = wider.test_client().get("/jwks.json").get_json()["keys"]
    assert {(key["kid"], key["alg"]) for key in shown if key["alg"] == "ES384"} == {(first, "ES384")}


def test_a_sign_in_uses_it_from_request_object_to_userinfo(wider: Flask, siti: str, sign_in: Callable[..., FlaskClient]) -> None:
    """Request object, ID token, client assertion and userinfo: each signed with the new row's algorithm."""
    wider.extensions["idp.clients"].known["modern"] = Client.model_validate(ENTRY)
    party, issuer, now = RelyingParty(wider, "modern"), wider.extensions["idp.settings"].issuer, clock.timestamp()
    asked = {"iss": "modern", "aud": issuer, "exp": now + 60, "nbf": now, "response_type": "code", "redirect_uri": CALLBACK,
             "scope": "openid profile", "state": "the-state", "nonce": "the-nonce",
             "code_challenge": crypto.digest(VERIFIER), "code_challenge_method": "S256"}  # fmt: skip
    outside = {"client_id": "modern", "response_type": "code", "scope": "openid", "request": signed(asked)}
    browser = wider.test_client()
    with wider.app_context():
        cookie = sign_in(siti).get_cookie(cookies.SESSION.name)
    assert cookie is not None
    browser.set_cookie(cookie.key, cookie.value, domain="localhost")
    code = answer(browser.get("/authorize?" + urlencode(outside)))["code"]
    proof = signed({"iss": "modern", "sub": "modern", "aud": issuer, "exp": now + 60, "jti": crypto.random_token()})
    sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
            "client_assertion": proof, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}  # fmt: skip
    given = wider.test_client().post("/token", data=sent)
    assert given.status_code == 200, given.get_json()
    ours = ECKey.import_key(next(k for k in wider.test_client().get("/jwks.json").get_json()["keys"] if k["alg"] == "ES384"))
    stated = jwt.decode(given.get_json()["id_token"], ours, algorithms=["ES384"])
    assert (stated.header["alg"], stated.claims["sub"], stated.claims["nonce"]) == ("ES384", siti, "the-nonce")
    assert len(stated.claims["at_hash"]) == 32, "half of SHA-384, 24 bytes"
    told = jwt.decode(party.userinfo(given.get_json()["access_token"]).text, ours, algorithms=["ES384"])
    assert told.claims["name"] == "Siti Aminah"


def test_operators_rotate_it(wider: Flask) -> None:
    said = CliRunner().invoke(keys_command, ["rotate", "--help"])
    assert "[RS256|PS256|ES256|EdDSA|ES384|all]" in said.output


def test_without_the_row_it_is_unknown_everywhere(app: Flask) -> None:
    with pytest.raises(ValidationError, match="must be one of 'RS256', 'PS256', 'ES256' or 'EdDSA'"):
        Client.model_validate(ENTRY | {"token_endpoint_auth_signing_alg": None})
    with app.app_context(), pytest.raises(LookupError):
        signing_keys.sign({}, "ES384")


def test_a_server_that_does_not_know_an_algorithm_leaves_the_keys_of_one_that_does_alone(app: Flask, wider: Flask) -> None:
    """While a new version is rolled out, the old one reads the same table."""
    with wider.app_context():
        newest = signing_keys.active_key("ES384").kid
    with pytest.MonkeyPatch.context() as patch, app.app_context():
        patch.setattr(algorithms, "SIGNING", algorithms.SIGNING[:-1])
        signing_keys.key_ring().read()
        assert newest not in [kid for kid, *_ in signing_keys.list_keys()]
        assert signing_keys.verify(signing_keys.sign({"sub": "siti"}, "RS256")) == {"sub": "siti"}
    with wider.app_context():
        signing_keys.key_ring().read()
        assert signing_keys.active_key("ES384").kid == newest


@pytest.mark.parametrize("value", ["none", "HS256", "RS512", "es256", "", 256, ["ES256"], {"alg": "ES256"}])
def test_no_other_value_is_an_algorithm_that_we_sign_with(value: Any) -> None:
    with pytest.raises(ValidationError):
        Client.model_validate(ENTRY | {"id_token_signed_response_alg": value})


def test_hmacs_are_for_assertions_only() -> None:
    assert set(algorithms.assertion_names()) - set(algorithms.signing_names()) == set(algorithms.hmac_names())
    assert "none" not in algorithms.assertion_names()
    assert [algorithms.verification_kty(name) for name in ("HS256", "RS256", "ES256", "EdDSA", "none", "RS512")] == [
        "oct", "RSA", "EC", "OKP", None, None,
    ]  # fmt: skip


def test_names_of_algorithms_stand_in_one_module() -> None:
    """A list of them anywhere else would not know the row that is added."""
    tables = (algorithms.assertion_names(), algorithms.key_management_names(), algorithms.content_encryption_names())
    lists = [
        f"{name_of(path)}: {sorted(found)}"
        for path in MODULES
        for table in tables
        if len(found := {name for name in table if f'"{name}"' in path.read_text()}) > 1
    ]
    assert {line.partition(":")[0] for line in lists} == {"oidc.algorithms"}, lists


def test_the_page_of_the_protocol_names_each() -> None:
    page = (Path(IDP).parent / "docs/protocol.md").read_text()
    assert not [name for name in algorithms.signing_names() if name not in page]
