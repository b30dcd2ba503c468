"""Resource indicators and JWT access tokens: made out to one audience, readable by it, and still mortal."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.oidc.authorization import consent
from idp.oidc.clients.directory import ClientDirectory
from idp.oidc.tokens import signing_keys
from idp.sessions import single_sign_on
from tests.oidc.conftest import RelyingParty, answer
from tests.simple_browser import Page

API, OTHER = "https://api.example.go.id/", "https://pay.example.go.id/"


@pytest.fixture
def party(register: Callable[..., RelyingParty]) -> RelyingParty:
    return register("party", resources=(API, OTHER), frontchannel_logout_uri="https://rp.example/told")


def read(app: Flask, token: str) -> dict[str, Any]:
    with app.app_context():
        stated = signing_keys.verify(token, "at+jwt")
    assert stated is not None
    return stated


def refuse(response: Any) -> str:
    assert response.status_code == 400
    return str(response.json["error"])


def test_the_person_is_told_where_the_client_will_act_for_them(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient, siti: str
) -> None:
    register("api", client_name="Data Upah", resources=(API,), resource_server=True, redirect_uris=(), grant_types=())
    party = register("party", first_party=False, resources=(API, OTHER), scope="openid")
    asked = {"scope": "openid", "resource": API}
    page = browser.get(party.url(**asked)).location
    shown = Page(page, 200, browser.get(page).get_data(as_text=True))
    assert "Bertindak atas nama Anda di Data Upah" in shown.text
    assert OTHER not in shown.text
    sent = browser.post(page, data=shown.form("decision").fields | {"decision": "allow"})
    assert "code" in answer(browser.get(sent.location))
    assert "code" in answer(browser.get(party.url(**asked, prompt="none"))), "what was allowed is remembered"
    with app.app_context():
        assert [grant["resources"] for grant in consent.of_account(siti)] == [API]
    # A resource that nobody was asked about is asked about, by its address where no service of ours answers for it.
    assert answer(browser.get(party.url(**asked | {"resource": OTHER}, prompt="none")))["error"] == "consent_required"
    page = browser.get(party.url(**asked | {"resource": OTHER})).location
    assert OTHER in browser.get(page).get_data(as_text=True)


def test_a_resource_gets_a_jwt_made_out_to_it(app: Flask, party: RelyingParty, browser: FlaskClient, siti: str) -> None:
    given = party.redeem(party.code(browser, resource=API)).json
    stated = read(app, given["access_token"])
    times = stated.pop("iat"), stated.pop("exp"), stated.pop("auth_time")
    assert times[1] - times[0] == 600
    assert times[2] <= times[0]
    assert stated.pop("jti")
    assert stated == {
        "iss": app.extensions["idp.settings"].issuer,
        "sub": siti,
        "aud": API,
        "client_id": "party",
        "scope": "openid profile email",
        "acr": stated["acr"],
        "amr": ["pwd"],
    }


def test_several_resources_may_be_narrowed_at_redemption(app: Flask, party: RelyingParty, browser: FlaskClient) -> None:
    url = party.url(resource=API) + "&resource=" + OTHER
    assert read(app, party.redeem(answer(browser.get(url))["code"]).json["access_token"])["aud"] == [API, OTHER]
    given = party.redeem(answer(browser.get(url))["code"], resource=OTHER).json
    assert read(app, given["access_token"])["aud"] == OTHER
    refreshed = party.refresh(given["refresh_token"], resource=API).json
    assert read(app, refreshed["access_token"])["aud"] == API


def test_a_token_that_travels_through_the_browser_opens_no_resource(
    register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    types = ("code", "id_token token")
    party = register(
        "old", resources=(API,), profile="legacy", response_types=types, grant_types=("authorization_code", "implicit")
    )
    fragment = urlsplit(browser.get(party.url(response_type="id_token token", resource=API)).location).fragment
    token = parse_qs(fragment)["access_token"][0]
    assert party.post("/introspect", token=token).json["aud"] == "old"
    assert party.userinfo(token).status_code == 200


def test_authorize_refuses_a_resource_that_is_not_registered(party: RelyingParty, browser: FlaskClient) -> None:
    assert answer(browser.get(party.url(resource="https://evil.example/")))["error"] == "invalid_target"


@pytest.mark.parametrize("resource", [OTHER, "https://evil.example/"])
def test_nothing_beyond_what_was_approved(party: RelyingParty, browser: FlaskClient, resource: str) -> None:
    assert refuse(party.redeem(party.code(browser, resource=API), resource=resource)) == "invalid_target"
    given = party.redeem(party.code(browser, resource=API)).json
    assert refuse(party.refresh(given["refresh_token"], resource=resource)) == "invalid_target"


def test_a_resource_first_named_at_redemption_must_be_registered(app: Flask, party: RelyingParty, browser: FlaskClient) -> None:
    assert read(app, party.redeem(party.code(browser), resource=API).json["access_token"])["aud"] == API
    assert refuse(party.redeem(party.code(browser), resource="https://evil.example/")) == "invalid_target"


def test_a_resource_taken_out_of_the_entry_gets_no_more_tokens(
    party: RelyingParty, browser: FlaskClient, register: Callable[..., RelyingParty]
) -> None:
    given = party.redeem(party.code(browser, resource=API)).json
    register("party", resources=(OTHER,))
    assert refuse(party.refresh(given["refresh_token"])) == "invalid_target"


def test_a_client_acting_for_itself(app: Flask, party: RelyingParty) -> None:
    given = party.post("/token", grant_type="client_credentials", resource=API, scope="api").json
    stated = read(app, given["access_token"])
    assert (stated["sub"], stated["client_id"], stated["aud"]) == ("party", "party", API)
    assert not {"acr", "amr", "auth_time"} & stated.keys()
    assert refuse(party.post("/token", grant_type="client_credentials", resource="https://evil.example/")) == "invalid_target"


def test_a_token_for_a_resource_opens_no_userinfo(party: RelyingParty, browser: FlaskClient) -> None:
    given = party.redeem(party.code(browser, resource=API)).json
    assert party.userinfo(given["access_token"]).status_code == 401


def test_a_client_may_have_jwts_for_our_own_endpoint(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    party = register("jwts", access_token_format="jwt")
    token = party.redeem(party.code(browser)).json["access_token"]
    assert read(app, token)["aud"] == app.extensions["idp.settings"].issuer
    assert party.userinfo(token).status_code == 200
    assert party.userinfo(token[:-4] + "AAAA").status_code == 401


def test_an_id_token_is_no_access_token(party: RelyingParty, browser: FlaskClient) -> None:
    given = party.redeem(party.code(browser)).json
    assert party.userinfo(given["id_token"]).status_code == 401
    assert party.post("/introspect", token=given["id_token"]).json == {"active": False}


def test_only_the_type_of_an_access_token_makes_one(app: Flask, party: RelyingParty, browser: FlaskClient) -> None:
    token = party.redeem(party.code(browser, resource=API)).json["access_token"]
    with app.app_context():
        retyped = signing_keys.sign(read(app, token), typ="JWT")
    assert party.post("/introspect", token=retyped).json == {"active": False}


def test_an_access_token_is_no_id_token_hint(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    # Its audience can be the client itself, so that only the type tells them apart.
    party = register("rp")
    directory: ClientDirectory = party.app.extensions["idp.clients"]
    entry = directory.known[party.id]
    directory.known[party.id] = entry.model_copy(update={"resources": (party.id,)})
    token = party.redeem(party.code(browser, resource=party.id)).json["access_token"]
    assert answer(browser.get(party.url(id_token_hint=token, prompt="none")))["error"] == "invalid_request"
    out = browser.get("/logout", query_string={"id_token_hint": token, "post_logout_redirect_uri": "https://rp.example/out"})
    assert "rp.example" not in (out.location or "")


def test_a_jwt_ends_when_it_is_revoked(party: RelyingParty, browser: FlaskClient) -> None:
    token = party.redeem(party.code(browser, resource=API)).json["access_token"]
    assert party.post("/introspect", token=token).json["active"]
    assert party.post("/revoke", token=token).status_code == 200
    assert party.post("/introspect", token=token).json == {"active": False}


def test_a_jwt_ends_with_its_session(app: Flask, party: RelyingParty, browser: FlaskClient) -> None:
    given = party.redeem(party.code(browser, resource=API)).json
    with app.test_request_context():
        single_sign_on.end(party.stated(given["id_token"])["sid"])
    assert party.post("/introspect", token=given["access_token"]).json == {"active": False}


@pytest.mark.parametrize(
    ("entry", "active"),
    [
        ({"resource_server": True, "resources": (API,)}, True),
        ({"resource_server": True, "resources": (OTHER,)}, False),
        ({"resource_server": False, "resources": (API,)}, False),
    ],
)
def test_introspection_is_for_the_audience_only(
    party: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient, entry: dict[str, Any], active: bool
) -> None:
    token = party.redeem(party.code(browser, resource=API)).json["access_token"]
    about = register("api", redirect_uris=(), grant_types=("client_credentials",), **entry).post("/introspect", token=token).json
    assert about["active"] is active
    if active:
        assert about["aud"] == [API]
    else:
        assert about == {"active": False}
