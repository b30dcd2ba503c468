"""What scopes and claims give, and the three ways to ask at userinfo."""

import json

import pytest

from tests import loopback
from tests.conformance.suite import CODE, FLOWS, WITH_ACCESS_TOKEN, screenshot

every_flow = pytest.mark.parametrize("flow", FLOWS, ids=str)
every_flow_with_access = pytest.mark.parametrize("flow", WITH_ACCESS_TOKEN, ids=str)

PROFILE = {"name": str, "locale": str, "updated_at": int, "birthdate": str, "gender": str}
EMAIL = {"email": str, "email_verified": bool}
PHONE = {"phone_number": str, "phone_number_verified": bool}
SCOPES = {
    "profile": PROFILE,
    "email": EMAIL,
    "phone": PHONE,
    "address": {},
    "profile email address phone": PROFILE | EMAIL | PHONE,
}
NAMES = {"profile email address phone": "all"}
OF_THE_TOKEN = {"iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "sid", "nonce", "at_hash", "c_hash"}


def told(client, result) -> dict:
    """What the person's claims are: at userinfo, or in the ID token where there is no access token (Core 5.4)."""
    if not result.access_token:
        return {name: value for name, value in result.claims.items() if name not in OF_THE_TOKEN - {"sub"}}
    assert result.claims.keys() <= OF_THE_TOKEN
    return client.userinfo(result.access_token).json()


@every_flow
@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: NAMES.get(scope, scope))
def test_oidcc_scope(register, flow, scope):
    """oidcc-scope-profile, -email, -address (which we do not list, so the module skips), -phone and -all."""
    client = register(flow=flow)
    given = told(client, client.signs_in(scope=f"openid {scope}"))
    assert given.keys() == {"sub", *SCOPES[scope]}
    assert {name: type(given[name]) for name in SCOPES[scope]} == SCOPES[scope]
    assert given.get("phone_number", "+62").startswith("+62")


def test_address_is_not_promised(issuer):
    known = loopback.get(f"{issuer}/.well-known/openid-configuration").json()
    assert "address" not in known["scopes_supported"]
    assert "address" not in known["claims_supported"]


@every_flow
def test_oidcc_ensure_other_scope_order_succeeds(register, flow):
    client = register(flow=flow)
    given = told(client, client.signs_in(scope="email openid"))
    assert given.keys() == {"sub", *EMAIL}


@every_flow_with_access
def test_oidcc_userinfo_get(register, flow):
    client = register(flow=flow)
    result = client.signs_in()
    answer = client.userinfo(result.access_token)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["sub"] == result.claims["sub"]


@every_flow_with_access
def test_oidcc_userinfo_post_header(register, flow):
    client = register(flow=flow)
    result = client.signs_in()
    answer = loopback.post(f"{client.issuer}/userinfo", headers={"Authorization": f"Bearer {result.access_token}"})
    assert answer.json()["sub"] == result.claims["sub"]


@every_flow_with_access
def test_oidcc_userinfo_post_body(register, flow):
    client = register(flow=flow)
    result = client.signs_in()
    answer = loopback.post(f"{client.issuer}/userinfo", data={"access_token": result.access_token})
    assert answer.json()["sub"] == result.claims["sub"]


def test_an_access_token_in_the_query_is_not_one(client):
    result = client.signs_in()
    answer = loopback.get(f"{client.issuer}/userinfo", params={"access_token": result.access_token})
    assert answer.status_code == 401


@every_flow
def test_oidcc_claims_essential(register, flow):
    client = register(flow=flow)
    place = "userinfo" if flow.has("code") or flow.has("token") else "id_token"
    given = told(client, client.signs_in(claims=json.dumps({place: {"name": {"essential": True}}})))
    assert given.keys() == {"sub", "name"}


def test_claims_asked_for_in_the_id_token_are_there_and_nowhere_else(client):
    result = client.signs_in(claims=json.dumps({"id_token": {"email": None}, "userinfo": {"phone_number": None}}))
    assert result.claims["email"] == client.person.email
    assert client.userinfo(result.access_token).json().keys() == {"sub", "phone_number"}


def test_a_client_may_not_widen_itself_by_scope(register):
    client = register(flow=CODE, scope="openid")
    result = client.signs_in(scope="openid profile")
    assert client.userinfo(result.access_token).json().keys() == {"sub"}
    client.sends(scope="roles")
    assert client.answered()["error"] == "invalid_scope"


def test_an_unknown_client_is_an_error_page(client):
    client.client_id = "nobody"
    screenshot(client.sends(), "invalid_client")
