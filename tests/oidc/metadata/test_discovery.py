"""What we tell clients about ourselves is true, complete, cheap to ask for again, and there when the database is not."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import KeySet
from sqlalchemy import text

from idp.oidc import algorithms, scopes
from idp.oidc.authorization import parameters, response_types
from idp.oidc.clients import authentication
from idp.oidc.metadata.discovery import JWKS_PATH, METADATA_PATHS
from idp.oidc.tokens import grants, signing_keys
from idp.oidc.tokens.signing_keys import KeyRing
from idp.storage.database import db

DOCUMENTS = [*METADATA_PATHS, JWKS_PATH]


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def told(stranger: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = stranger.get(METADATA_PATHS[0]).get_json()
    return found


@pytest.mark.parametrize("kind", [OpenIDProviderMetadata, AuthorizationServerMetadata])
def test_the_document_is_what_its_specification_asks(told: dict[str, Any], kind: type[AuthorizationServerMetadata]) -> None:
    loopback = "http://127.0.0.1"
    assert told["issuer"].startswith(loopback)
    # The specifications ask for https; a test listens on loopback.
    secure = {name: _secure(value) for name, value in told.items()}
    kind(secure).validate()


def _secure(value: Any) -> Any:
    return value.replace("http://", "https://") if isinstance(value, str) else value


def test_both_addresses_tell_the_same(stranger: FlaskClient, told: dict[str, Any]) -> None:
    assert stranger.get(METADATA_PATHS[1]).get_json() == told


def test_everything_required_is_there(told: dict[str, Any]) -> None:
    required = {
        "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "response_types_supported",
        "subject_types_supported", "id_token_signing_alg_values_supported", "end_session_endpoint", "introspection_endpoint",
        "revocation_endpoint", "token_endpoint_auth_signing_alg_values_supported",
    }  # fmt: skip
    assert required <= told.keys()
    assert "RS256" in told["id_token_signing_alg_values_supported"], "OpenID Connect Core 15.1"
    assert "openid" in told["scopes_supported"]
    assert told["authorization_response_iss_parameter_supported"] is told["claims_parameter_supported"] is True


def test_nothing_unsafe_is_offered(told: dict[str, Any]) -> None:
    assert "none" not in told["id_token_signing_alg_values_supported"]
    assert "none" not in told["request_object_signing_alg_values_supported"]
    assert "none" not in told["token_endpoint_auth_signing_alg_values_supported"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "password" not in told["grant_types_supported"]


def test_what_is_told_is_what_is_served(app: Flask, told: dict[str, Any]) -> None:
    assert set(told["prompt_values_supported"]) == set(parameters.PROMPTS)
    assert set(told["response_types_supported"]) == set(response_types.RESPONSE_TYPES)
    assert set(told["claims_supported"]) >= set(scopes.claims())
    assert told["token_endpoint_auth_methods_supported"] == authentication.supported_methods()
    assert set(told["grant_types_supported"]) == set(grants.grant_types())
    served = {str(rule) for rule in app.url_map.iter_rules()} | set(DOCUMENTS)
    named = {n: v for n, v in told.items() if isinstance(v, str) and n != "issuer"}
    for name, address in named.items():
        assert address.startswith(told["issuer"] + "/"), name
        assert urlsplit(address).path in served, name


def test_addresses_come_from_the_settings_and_never_from_the_host(stranger: FlaskClient, told: dict[str, Any]) -> None:
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"}):
        answer = stranger.get(METADATA_PATHS[0], headers=headers)
        assert answer.get_json() == told
        assert b"evil" not in answer.data


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_cached_and_asked_for_again_at_no_cost(stranger: FlaskClient, path: str) -> None:
    first = stranger.get(path)
    assert first.status_code == 200
    assert first.mimetype == "application/json"
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Credentials" not in first.headers
    assert "Set-Cookie" not in first.headers
    tag = first.headers["ETag"]
    for offered in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = stranger.get(path, headers={"If-None-Match": offered})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == tag
    assert stranger.get(path, headers={"If-None-Match": '"other"'}).data == first.data


@pytest.mark.parametrize("path", DOCUMENTS)
def test_only_get_and_head(stranger: FlaskClient, path: str) -> None:
    body, head = stranger.get(path), stranger.head(path)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == body.headers["Content-Length"] == str(len(body.data))
    for method in ("POST", "PUT", "DELETE"):
        assert stranger.open(path, method=method).status_code in (400, 404, 405)


def test_the_published_keys_are_public_and_the_ones_that_sign(app: Flask, stranger: FlaskClient) -> None:
    shown = stranger.get(JWKS_PATH).get_json()
    known = KeySet.import_key_set(shown)
    assert not any(key.is_private for key in known.keys)
    with app.app_context():
        assert {key["kid"] for key in shown["keys"]} >= {signing_keys.active_key(alg).kid for alg in algorithms.signing_names()}


def test_a_new_key_is_published_at_once_under_another_tag(app: Flask, stranger: FlaskClient) -> None:
    before = stranger.get(JWKS_PATH)
    with app.app_context():
        fresh = signing_keys.rotate("ES256")
        try:
            after = stranger.get(JWKS_PATH, headers={"If-None-Match": before.headers["ETag"]})
            assert after.status_code == 200
            assert fresh in {key["kid"] for key in after.get_json()["keys"]}
        finally:
            signing_keys.retire(fresh)
    assert stranger.get(JWKS_PATH).data == before.data


def test_keys_are_served_while_the_database_is_away(app: Flask, stranger: FlaskClient) -> None:
    known = stranger.get(JWKS_PATH).data
    ring: KeyRing = app.extensions["idp.keys"]
    with app.app_context():
        renamed("signing_keys", "elsewhere")
    try:
        ring.looked = float("-inf")
        assert stranger.get(JWKS_PATH).data == known
        app.extensions["idp.keys"] = KeyRing()
        blind = stranger.get(JWKS_PATH)
        assert (blind.status_code, blind.headers["Retry-After"]) == (503, "5")
        assert "Cache-Control" not in blind.headers
    finally:
        app.extensions["idp.keys"] = ring
        with app.app_context():
            renamed("elsewhere", "signing_keys")


def renamed(table: str, name: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_documents_are_json_that_anybody_reads(stranger: FlaskClient) -> None:
    for path in DOCUMENTS:
        assert json.loads(stranger.get(path).data.decode("ascii"))
