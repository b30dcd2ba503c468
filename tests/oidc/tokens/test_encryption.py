"""ID tokens and userinfo answers that are signed, encrypted or both, as each client registered."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.core import crypto
from tests.oidc.conftest import SECRET, RelyingParty

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
JWKS = {"keys": [key.as_dict(private=False) for key in (RSA, EC)]}


def opened(token: str, key: Any, algorithm: str, encoding: str) -> tuple[dict[str, Any], str]:
    """Header and payload; fails when another algorithm was used or another key is needed."""
    found = jwe.decrypt_compact(token, key, algorithms=[algorithm, encoding])
    return found.headers(), (found.plaintext or b"").decode()


def tokens_of(party: RelyingParty, browser: FlaskClient) -> dict[str, Any]:
    answer = party.redeem(party.code(browser))
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


@pytest.mark.parametrize(
    ("algorithm", "encoding", "key"),
    [
        ("RSA-OAEP", "A128CBC-HS256", RSA),
        ("RSA-OAEP-256", "A256GCM", RSA),
        ("ECDH-ES", "A128GCM", EC),
        ("ECDH-ES+A256KW", "A256CBC-HS512", EC),
    ],
)
def test_an_encrypted_id_token_holds_the_signed_one(
    register: Callable[..., RelyingParty], browser: FlaskClient, siti: str, algorithm: str, encoding: str, key: Any
) -> None:
    chosen = {"id_token_encrypted_response_alg": algorithm, "id_token_encrypted_response_enc": encoding}
    party = register("sealed", jwks=JWKS, **chosen)
    given = tokens_of(party, browser)
    header, inner = opened(given["id_token"], key, algorithm, encoding)
    assert (header["cty"], header["kid"]) == ("JWT", key.kid)
    stated = party.stated(inner)
    assert (stated["sub"], stated["aud"], stated["nonce"]) == (siti, "sealed", "the-nonce")
    refreshed = party.refresh(given["refresh_token"]).json["id_token"]
    assert party.stated(opened(refreshed, key, algorithm, encoding)[1])["sub"] == siti


def test_a_client_without_a_fitting_key_gets_nothing_in_the_clear(
    register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    party = register("keyless", jwks={"keys": [EC.as_dict(private=False)]}, id_token_encrypted_response_alg="RSA-OAEP")
    answer = party.redeem(party.code(browser))
    assert (answer.status_code, answer.json["error"]) == (503, "temporarily_unavailable")
    assert "id_token" not in answer.json


def test_userinfo_that_cannot_be_encrypted_is_withheld(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    party = register("keyless", jwks={"keys": [EC.as_dict(private=False)]}, userinfo_encrypted_response_alg="RSA-OAEP")
    answer = party.userinfo(tokens_of(party, browser)["access_token"])
    assert answer.status_code == 503
    assert b"Siti" not in answer.data


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_signed_userinfo_names_who_says_it_and_to_whom(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient, siti: str, algorithm: str
) -> None:
    party = register("signed", userinfo_signed_response_alg=algorithm)
    answer = party.userinfo(tokens_of(party, browser)["access_token"])
    assert answer.content_type == "application/jwt"
    assert answer.headers["Cache-Control"] == "no-store"
    stated = party.stated(answer.text)
    assert (stated["iss"], stated["aud"], stated["sub"]) == (app.extensions["idp.settings"].issuer, "signed", siti)
    assert stated["name"] == "Siti Aminah"


def test_userinfo_signed_and_encrypted(register: Callable[..., RelyingParty], browser: FlaskClient, siti: str) -> None:
    chosen = {"userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": "RSA-OAEP-256"}
    party = register("both", jwks=JWKS, **chosen)
    answer = party.userinfo(tokens_of(party, browser)["access_token"])
    assert answer.content_type == "application/jwt"
    header, inner = opened(answer.text, RSA, "RSA-OAEP-256", "A128CBC-HS256")
    assert header["cty"] == "JWT"
    assert party.stated(inner)["sub"] == siti


def test_userinfo_encrypted_only(register: Callable[..., RelyingParty], browser: FlaskClient, siti: str) -> None:
    party = register("unsigned", jwks=JWKS, userinfo_encrypted_response_alg="ECDH-ES")
    header, inner = opened(party.userinfo(tokens_of(party, browser)["access_token"]).text, EC, "ECDH-ES", "A128CBC-HS256")
    assert header["cty"] == "json"
    assert orjson.loads(inner)["sub"] == siti


def test_a_shared_secret_can_be_the_key(app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    chosen = {"id_token_encrypted_response_alg": "A128KW", "client_secret_hash": None, "client_secret_env": "ITS_SECRET"}
    party = register("shared", **chosen)
    directory = app.extensions["idp.clients"]
    directory.known["shared"] = directory.known["shared"].with_secret(SECRET)
    key = OctKey.import_key(crypto.sha256(SECRET)[:16])
    assert party.stated(opened(tokens_of(party, browser)["id_token"], key, "A128KW", "A128CBC-HS256")[1])["aud"] == "shared"


def test_signed_userinfo_is_no_id_token_hint(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    party = register("signed", userinfo_signed_response_alg="RS256")
    told = party.userinfo(tokens_of(party, browser)["access_token"]).text
    assert "error=invalid_request" in browser.get(party.url(id_token_hint=told)).location


def test_discovery_says_so(app: Flask) -> None:
    told = app.test_client().get("/.well-known/openid-configuration").json
    for member in ("id_token", "userinfo"):
        assert "ECDH-ES" in told[f"{member}_encryption_alg_values_supported"]
        assert "A256GCM" in told[f"{member}_encryption_enc_values_supported"]
    assert "none" not in told["userinfo_signing_alg_values_supported"]
    assert told["device_authorization_endpoint"] == told["issuer"] + "/device_authorization"
    assert "urn:ietf:params:oauth:grant-type:token-exchange" in told["grant_types_supported"]
