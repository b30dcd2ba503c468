"""Clients that register themselves: by whose leave, with which addresses, and what becomes of them."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from sqlalchemy import text
from werkzeug.test import TestResponse

from idp.core import clock, crypto
from idp.oidc.authorization import consent
from idp.oidc.clients import registration
from idp.oidc.clients.directory import ClientDirectory
from idp.oidc.tokens import access_tokens, refresh_tokens
from idp.storage.database import db
from tests import loopback
from tests.conformance.suite import Shelf, shelf
from tests.oidc.conftest import CALLBACK, VERIFIER, RelyingParty, answer
from tests.simple_browser import Page

BASIC = {"client_name": "Dinamis", "redirect_uris": [CALLBACK]}


@pytest.fixture
def set_to(app: Flask) -> Iterator[Callable[..., None]]:
    """Changes settings for one test."""
    before = app.extensions["idp.settings"]

    def changed(**changes: Any) -> None:
        app.extensions["idp.settings"] = before.model_copy(update=changes)

    yield changed
    app.extensions["idp.settings"] = before


@pytest.fixture
def invite(app: Flask) -> Callable[..., str]:
    def invited(*terms: int) -> str:
        with app.app_context():
            return registration.issue_initial_access_token(*terms)

    return invited


@pytest.fixture
def enrol(app: Flask, invite: Callable[..., str]) -> Callable[..., TestResponse]:
    """A registration, by a fresh token unless told otherwise; a member None is left out."""

    def enrolled(token: str | None = None, **members: Any) -> TestResponse:
        said = {name: value for name, value in (BASIC | members).items() if value is not None}
        bearer = {"Authorization": f"Bearer {token or invite()}"}
        return app.test_client().post("/register", json=said, headers=bearer)

    return enrolled


@pytest.fixture
def documents() -> Iterator[Shelf]:
    """A server of the client's, over real HTTP."""
    with shelf() as found:
        yield found


def managed(app: Flask, told: dict[str, Any], method: str = "GET", **members: Any) -> TestResponse:
    bearer = {"Authorization": f"Bearer {told['registration_access_token']}"}
    path = f"/register/{told['client_id']}"
    return app.test_client().open(path, method=method, json=members or None, headers=bearer)


def why(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.json["error"]


# -- by whose leave ----------------------------------------------------------------------------------------------------


def test_a_token_is_good_for_so_many_registrations_and_no_more(enrol: Any, invite: Any) -> None:
    token = invite(2, 3600)
    assert [enrol(token).status_code for _ in range(4)] == [201, 201, 401, 401]


def test_a_token_expires(app: Flask, enrol: Any, invite: Any) -> None:
    token = invite(5, 3600)
    store: redis.Redis = app.extensions["idp.storage.redis_store"].redis
    key = f"invitation:{crypto.digest(token)}"
    assert 3590 < int(str(store.ttl(key))) <= 3600
    assert enrol(token).status_code == 201
    assert 3590 < int(str(store.ttl(key))) <= 3600, "using it must not make it last"


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nobody", "Basic bm9ib2R5"])
def test_nobody_registers_without_a_token(app: Flask, header: str | None) -> None:
    response = app.test_client().post("/register", json=BASIC, headers={"Authorization": header} if header else {})
    assert why(response) == (401, "invalid_token")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_mistake_does_not_use_the_token_up(enrol: Any, invite: Any) -> None:
    token = invite()
    assert why(enrol(token, redirect_uris=["javascript:alert(1)"])) == (400, "invalid_redirect_uri")
    assert enrol(token).status_code == 201


def test_no_secret_lies_open_in_the_stores(app: Flask, enrol: Any, invite: Any) -> None:
    token = invite(2, 3600)
    told = enrol(token).json
    with app.app_context(), db.engine.connect() as connection:
        row = str(connection.execute(text("SELECT * FROM dynamic_clients")).all())
    keys = str(app.extensions["idp.storage.redis_store"].redis.keys("*"))
    assert told["client_id"] in row
    for secret in (told["client_secret"], told["registration_access_token"], token):
        assert secret not in row + keys


# -- what may be registered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", [
    {"first_party": True}, {"claims": ["nik"]}, {"profile": "legacy"}, {"pkce": "optional"}, {"resource_server": True},
    {"resources": ["https://api.example/"]}, {"cors_origins": ["https://evil.example"]}, {"access_token_lifetime": 3600},
    {"client_secret_hash": "sha256:saltsaltsalt:" + "0" * 64}, {"client_id": "dyn-chosen-by-the-client-it"},
    {"token_exchange": {"subject_clients": ["wlkp"], "audiences": ["wlkp"]}}, {"sector": "rp.example"},
    {"access_token_format": "jwt"},
], ids=lambda member: next(iter(member)))  # fmt: skip
def test_what_only_an_operator_says_of_a_client_counts_for_nothing(app: Flask, enrol: Any, member: dict[str, Any]) -> None:
    told = enrol(**member).json
    plain = enrol().json
    find = app.extensions["idp.clients"].find
    with app.app_context():
        given, usual = find(told["client_id"]).model_dump(), find(plain["client_id"]).model_dump()
    assert given | {"client_id": ""} == usual | {"client_id": ""}
    assert not (member.keys() - {"client_id"}) & told.keys()
    again = {"client_id": told["client_id"], **BASIC} | {k: v for k, v in member.items() if k != "client_id"}
    assert managed(app, told, "PUT", **again).status_code == 200
    with app.app_context():
        assert find(told["client_id"]).model_dump() == given


def test_who_registers_by_a_token_uses_pkce_and_codes(enrol: Any, app: Flask, browser: FlaskClient) -> None:
    refused = enrol(response_types=["code id_token"], grant_types=["authorization_code", "implicit"])
    assert why(refused) == (400, "invalid_client_metadata")
    party = RelyingParty(app, enrol().json["client_id"])
    bare = answer(browser.get(party.url(code_challenge=None, code_challenge_method=None)))
    assert bare["error"] == "invalid_request"


@pytest.mark.parametrize(("members", "environment", "status"), [
    ({"redirect_uris": ["id.go.example.app:/callback"]}, "test", 400),
    ({"redirect_uris": ["id.go.example.app:/callback"], "application_type": "native"}, "production", 201),
    ({"redirect_uris": ["http://127.0.0.1/callback"]}, "test", 201),
    ({"redirect_uris": ["http://127.0.0.1/callback"]}, "production", 400),
    ({"redirect_uris": ["http://127.0.0.1/callback"], "application_type": "native"}, "production", 201),
    ({"redirect_uris": [CALLBACK, "http://localhost/callback"]}, "production", 400),
])  # fmt: skip
def test_redirect_uris_fit_the_kind_of_client(
    enrol: Any, set_to: Any, members: dict[str, Any], environment: str, status: int
) -> None:
    set_to(environment=environment)
    response = enrol(**members)
    assert response.status_code == status, response.text
    assert status == 201 or response.json["error"] == "invalid_redirect_uri"


def test_an_update_is_checked_like_a_registration(app: Flask, enrol: Any, documents: Shelf) -> None:
    told = enrol().json
    said = {"client_id": told["client_id"], **BASIC}
    wrong = managed(app, told, "PUT", **said | {"redirect_uris": ["id.go.example.app:/callback"]})
    assert why(wrong) == (400, "invalid_redirect_uri")
    sector = documents.put(json.dumps(["https://another.example/cb"]), "/sector")
    wrong = managed(app, told, "PUT", **said | {"sector_identifier_uri": sector, "subject_type": "pairwise"})
    assert why(wrong) == (400, "invalid_client_metadata")
    assert managed(app, told).json["redirect_uris"] == [CALLBACK]


@pytest.mark.parametrize(
    "address", ["https://10.0.0.1/", "https://169.254.169.254/latest/", "https://[fd00::1]/", "https://127.0.0.1/"]
)
def test_a_sector_inside_our_network_is_never_fetched(enrol: Any, set_to: Any, address: str) -> None:
    set_to(environment="production")
    refused = enrol(subject_type="pairwise", sector_identifier_uri=address)
    assert why(refused) == (400, "invalid_client_metadata")
    assert "10.0" not in refused.text


def test_only_who_is_invited_makes_us_fetch(app: Flask, documents: Shelf) -> None:
    uri = documents.origin + "/never-put"  # asking for it would be an error in the server's thread
    said = BASIC | {"subject_type": "pairwise", "sector_identifier_uri": uri}
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        assert why(app.test_client().post("/register", json=said, headers=headers)) == (401, "invalid_token")


@pytest.mark.parametrize("body", ["[]", "{", '"x"', "", '{"a":' * 2000, json.dumps(BASIC | {"contacts": ["x" * 70_000]})])
def test_a_body_that_is_no_registration(app: Flask, invite: Any, body: str) -> None:
    headers = {"Authorization": f"Bearer {invite()}", "Content-Type": "application/json"}
    assert why(app.test_client().post("/register", data=body, headers=headers)) == (400, "invalid_client_metadata")


# -- what becomes of them ----------------------------------------------------------------------------------------------


def test_a_registered_client_signs_its_secret_and_gets_tokens(app: Flask, enrol: Any, browser: FlaskClient, siti: str) -> None:
    """client_secret_jwt needs the secret itself: it is opened from SQL where it lies sealed."""
    told = enrol(token_endpoint_auth_method="client_secret_jwt", scope="openid").json
    party = RelyingParty(app, told["client_id"])
    now = clock.timestamp()
    claims = {"iss": party.id, "sub": party.id, "aud": party.issuer, "jti": "one", "iat": now, "exp": now + 60}
    code = allowed(browser, party)
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(told["client_secret"])),
    }  # fmt: skip
    response = app.test_client().post("/token", data=form)
    assert response.status_code == 200, response.text
    assert party.stated(response.json["id_token"])["sub"] == siti


def allowed(browser: FlaskClient, party: RelyingParty) -> str:
    """The code, after the person allowed it."""
    page = browser.get(party.url(scope="openid")).location
    token = Page(page, 200, browser.get(page).text).form("decision").fields["csrf_token"]
    answered = browser.post(page, data={"csrf_token": token, "decision": "allow"}, headers={"Origin": party.issuer})
    while answered.status_code == 303 and not answered.location.startswith(CALLBACK):
        answered = browser.get(answered.location)
    return answer(answered)["code"]


def test_keys_are_read_from_where_they_are_and_again_when_the_client_changes_them(
    app: Flask, issuer: str, enrol: Any, documents: Shelf
) -> None:
    first, second = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "two"))
    uris = [documents.put(json.dumps(KeySet([key]).as_dict(private=False)), f"/{key.kid}") for key in (first, second)]
    said = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uris[0]}
    told = enrol(**said).json

    def known(key: RSAKey) -> bool:
        now = clock.timestamp()
        claims = {
            "iss": told["client_id"],
            "sub": told["client_id"],
            "aud": issuer,
            "jti": crypto.random_token(),
            "exp": now + 60,
        }
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        signed = jwt.encode({"alg": "RS256", "kid": key.kid}, claims | {"iat": now}, key)
        form = {"grant_type": "authorization_code", "client_assertion_type": kind, "client_assertion": signed}
        return bool(loopback.post(f"{issuer}/token", data=form).json()["error"] != "invalid_client")

    assert (known(first), known(second)) == (True, False)
    assert managed(app, told, "PUT", **BASIC | said | {"client_id": told["client_id"], "jwks_uri": uris[1]}).status_code == 200
    assert (known(first), known(second)) == (False, True)


def test_a_deleted_client_is_nobody_and_its_token_manages_nothing(app: Flask, enrol: Any) -> None:
    told = enrol().json
    basic = base64.b64encode(f"{told['client_id']}:{told['client_secret']}".encode()).decode()

    def asks() -> TestResponse:
        form = {"grant_type": "authorization_code", "code": "x"}
        return app.test_client().post("/token", data=form, headers={"Authorization": f"Basic {basic}"})

    assert asks().json["error"] != "invalid_client"
    assert managed(app, told, "DELETE").status_code == 204
    assert why(asks()) == (401, "invalid_client")
    for method in ("GET", "DELETE"):
        assert why(managed(app, told, method)) == (401, "invalid_token")


@pytest.mark.every_store
def test_all_that_anybody_gave_a_client_ends_with_it(app: Flask, enrol: Any, browser: FlaskClient, siti: str) -> None:
    grants = ["authorization_code", "refresh_token"]
    told, other = (enrol(grant_types=grants, token_endpoint_auth_method="none").json for _ in range(2))
    given = {one["client_id"]: _redeemed(app, browser, one["client_id"]) for one in (told, other)}
    assert managed(app, told, "DELETE").status_code == 204
    with app.app_context():
        assert [grant["client_id"] for grant in consent.of_account(siti)] == [other["client_id"]]
        assert refresh_tokens.find(given[told["client_id"]]["refresh_token"], told["client_id"]) is None
        assert refresh_tokens.find(given[other["client_id"]]["refresh_token"], other["client_id"]) is not None
        # The record itself is dead, and not only hidden behind a client that is not found.
        assert access_tokens.find_access_token(given[told["client_id"]]["access_token"]) is None
        assert access_tokens.find_access_token(given[other["client_id"]]["access_token"]) is not None
    party = RelyingParty(app, other["client_id"])
    assert party.userinfo(given[other["client_id"]]["access_token"]).json["sub"] == siti


def _redeemed(app: Flask, browser: FlaskClient, client_id: str) -> dict[str, Any]:
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "client_id": client_id}
    code = allowed(browser, RelyingParty(app, client_id))
    given = app.test_client().post("/token", data=form | {"code": code})
    assert given.status_code == 200, given.json
    return dict(given.json)


def test_another_application_on_the_same_stores_sees_every_change_at_once(app: Flask, make_app: Any, enrol: Any) -> None:
    told, other = enrol().json, make_app()

    def there() -> Any:
        with other.app_context():
            return other.extensions["idp.clients"].find(told["client_id"])

    try:
        assert there().client_name == "Dinamis"
        managed(app, told, "PUT", **BASIC | {"client_id": told["client_id"], "client_name": "Baru"})
        assert there().client_name == "Baru"
        managed(app, told, "DELETE")
        assert there() is None
    finally:
        with other.app_context():
            db.engine.dispose()


def test_a_token_for_a_resource_dies_with_the_client_that_got_it(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    api = "https://api.example.go.id/"
    gone, owner = register("gone", resources=(api,)), register("api", resources=(api,), resource_server=True)
    token = gone.redeem(gone.code(browser, resource=api)).json["access_token"]
    assert owner.post("/introspect", token=token).json["active"] is True
    directory: ClientDirectory = app.extensions["idp.clients"]
    del directory.known["gone"]
    assert owner.post("/introspect", token=token).json == {"active": False}


@pytest.mark.every_store
@pytest.mark.parametrize(
    "client_id", ["dyn-" + "x" * 23 + "\0", "dyn-", "dyn-" + "x" * 24, "dyn-" + "é" * 24, "dyn-" + "x" * 400]
)
def test_an_id_that_nobody_has_is_an_unknown_client(app: Flask, client_id: str) -> None:
    basic = base64.b64encode(f"{client_id}:secret".encode()).decode()
    form, header = {"grant_type": "authorization_code", "code": "x"}, {"Authorization": f"Basic {basic}"}
    assert why(app.test_client().post("/token", data=form, headers=header)) == (401, "invalid_client")


def test_an_outage_is_told_as_one(app: Flask, enrol: Any, invite: Any) -> None:
    token = invite()
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE dynamic_clients RENAME TO away"))
    try:
        assert why(enrol(token)) == (503, "temporarily_unavailable")
    finally:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO dynamic_clients"))


def test_its_policy_and_terms_are_shown_where_people_decide(app: Flask, enrol: Any, browser: FlaskClient) -> None:
    said = {"policy_uri": "https://rp.example/privacy?a=1&b=2", "tos_uri": "https://rp.example/terms"}
    party = RelyingParty(app, enrol(client_name="<b>Dinamis</b>", logo_uri="https://rp.example/l.png", **said).json["client_id"])
    somebody = app.test_client()
    for visitor in (browser, somebody):
        shown = visitor.get(visitor.get(party.url()).location).text
        assert 'href="https://rp.example/privacy?a=1&amp;b=2" target="_blank" rel="noopener noreferrer"' in shown
        assert 'href="https://rp.example/terms"' in shown
        assert 'src="https://rp.example/l.png"' in shown
        assert "<b>Dinamis" not in shown
    quiet = RelyingParty(app, enrol().json["client_id"])
    assert "service-pages" not in browser.get(browser.get(quiet.url()).location).text


def test_a_refusal_says_which_grant_is_not_open(enrol: Any) -> None:
    """R8: discovery lists grants that only the operator gives; whoever asks for one by themselves is told which."""
    told = enrol(grant_types=["authorization_code", "client_credentials"])
    assert (told.status_code, told.json["error"]) == (400, "invalid_client_metadata")
    assert "client_credentials" in told.json["error_description"]


def test_the_answer_promises_no_lasting_access_without_the_refresh_grant(enrol: Any) -> None:
    """R8: what was registered is what can be had."""
    assert "offline_access" not in enrol().json["scope"].split()
    assert "offline_access" in enrol(grant_types=["authorization_code", "refresh_token"]).json["scope"].split()


def test_a_client_chooses_what_its_assertions_are_made_out_to(enrol: Any) -> None:
    """S21: the issuer unless it says otherwise, and it may."""
    assert enrol(assertion_audience="endpoint").json["assertion_audience"] == "endpoint"
    assert enrol(assertion_audience="anything").status_code == 400
