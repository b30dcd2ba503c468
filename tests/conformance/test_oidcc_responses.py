"""Response types, ID tokens, codes and redirect URIs: modules of the Basic, Form Post, Hybrid and Implicit plans."""

import pytest
from joserfc import jws

from idp.core import crypto
from tests import loopback
from tests.conformance.suite import ALGORITHMS, CALLBACK, FLOWS, SECRET, WITH_CODE, screenshot
from tests.simple_browser import SimpleBrowser

every_flow = pytest.mark.parametrize("flow", FLOWS, ids=str)
every_flow_with_code = pytest.mark.parametrize("flow", WITH_CODE, ids=str)


@every_flow
def test_oidcc_server(register, flow):
    client = register(flow=flow)
    result = client.signs_in(scope="openid profile")
    assert client.seen == ["login", "consent"]
    if result.access_token:
        told = client.userinfo(result.access_token)
        assert told.status_code == 200
        assert told.json()["sub"] == result.claims["sub"]


@every_flow
def test_oidcc_server_second_client_id(register, flow):
    """The same person at two clients of one sector is the same subject, and each has tokens of its own."""
    first, second = register(flow=flow), register("suite2", flow=flow)
    assert first.signs_in().claims["sub"] == second.signs_in().claims["sub"]


def test_oidcc_response_type_missing(client):
    page = client.sends(response_type=None)
    if client.browser.url_of_service is None:
        screenshot(page)
    else:
        assert client.answered()["error"] in ("unsupported_response_type", "invalid_request")


@every_flow
def test_oidcc_idtoken_signature(register, issuer, flow):
    result = register(flow=flow).signs_in()
    header = jws.extract_compact(result.id_token.encode()).headers()
    assert header["alg"] == "RS256"
    assert header["kid"] in [key["kid"] for key in loopback.get(f"{issuer}/jwks.json").json()["keys"]]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_oidcc_idtoken_in_each_algorithm(register, alg):
    client = register(id_token_signed_response_alg=alg)
    given = client.authorizes()
    body = client.redeems(given["code"]).json()
    assert jws.extract_compact(body["id_token"].encode()).headers()["alg"] == alg
    assert client.verified(body["id_token"])["nonce"] == client.nonce


def test_oidcc_idtoken_unsigned(issuer):
    """The module runs for those who list `none`, and we never do: «never alg none»."""
    known = loopback.get(f"{issuer}/.well-known/openid-configuration").json()
    assert "none" not in known["id_token_signing_alg_values_supported"]


@every_flow
def test_oidcc_ensure_request_without_nonce(register, flow):
    """…-succeeds-for-code-flow, and …-fails wherever an ID token comes through the browser."""
    client = register(flow=flow)
    if flow.has("id_token"):
        client.sends(nonce=None)
        assert client.answered()["error"] == "invalid_request"
        return
    given = client.authorizes(nonce=None)
    client.nonce = ""
    assert "nonce" not in client.completes(given).claims


@every_flow_with_code
def test_oidcc_codereuse(register, flow):
    client = register(flow=flow)
    result = client.signs_in()
    again = client.redeems(result.code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@every_flow_with_code
def test_oidcc_codereuse_30seconds(register, clock, flow):
    """The code again 30 s later: refused, and the access token that it gave is dead."""
    client = register(flow=flow)
    given = client.authorizes()
    result = client.completes(given)
    assert client.userinfo(result.access_token).status_code == 200
    clock.shift(30)
    again = client.redeems(result.code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    dead = client.userinfo(result.access_token)
    assert dead.status_code == 401
    assert 'error="invalid_token"' in dead.headers["WWW-Authenticate"]
    if "access_token" in given:
        assert client.userinfo(given["access_token"]).status_code == 401


@every_flow
def test_oidcc_ensure_registered_redirect_uri(register, flow):
    """An error page and no way to the address that nobody registered."""
    client = register(flow=flow)
    page = client.sends(redirect_uri=CALLBACK + "/somewhere-else")
    assert client.browser.url_of_service is None
    screenshot(page)
    ways_out = [href for _, href in page.links] + [form.action for form in page.forms]
    assert not any(way.startswith("https://suite.example") for way in ways_out)


@every_flow
def test_oidcc_ensure_post_request_succeeds(register, flow):
    client = register(flow=flow)
    browser = client.browser
    response = browser.send(browser.client.build_request("POST", f"{client.issuer}/authorize", data=client.asks()))
    assert response.status_code == 303
    browser.open(response.headers["Location"])
    client.drives()
    client.completes(client.answered())


def test_oidcc_ensure_post_request_sees_the_session(client):
    """The POST itself comes from the client's site and brings no Lax cookie; one GET later the session is there."""
    client.signs_in()
    bare = SimpleBrowser(client.issuer)
    response = bare.send(bare.client.build_request("POST", f"{client.issuer}/authorize", data=client.asks()))
    for cookie in bare.client.cookies.jar:
        client.browser.client.cookies.jar.set_cookie(cookie)
    client.seen = []
    client.browser.open(response.headers["Location"])
    client.drives()
    client.completes(client.answered())
    assert client.seen == []


@every_flow_with_code
def test_oidcc_server_client_secret_post(register, flow):
    client = register(flow=flow, token_endpoint_auth_method="client_secret_post")
    given = client.authorizes()
    form = {"grant_type": "authorization_code", "code": given["code"], "redirect_uri": CALLBACK}
    wrong = loopback.post(f"{client.issuer}/token", data=form | {"client_id": client.client_id, "client_secret": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    told = loopback.post(f"{client.issuer}/token", data=form | {"client_id": client.client_id, "client_secret": SECRET})
    assert told.status_code == 200
    assert client.verified(told.json()["id_token"])["nonce"] == client.nonce


@every_flow_with_code
def test_oidcc_ensure_request_with_valid_pkce_succeeds(register, flow):
    client = register(flow=flow)
    verifier = "v" * 64
    asked = {"code_challenge": crypto.digest(verifier), "code_challenge_method": "S256"}
    given = client.authorizes(**asked)
    assert client.redeems(given["code"], code_verifier=verifier).status_code == 200
    again = client.authorizes(**asked)
    assert client.redeems(again["code"], code_verifier="w" * 64).json()["error"] == "invalid_grant"


@every_flow_with_code
def test_oidcc_refresh_token(register, clock, flow):
    client, other = register(flow=flow), register("suite2", flow=flow)
    result = client.signs_in(scope="openid offline_access", prompt="consent")
    clock.shift(5)
    refresh = result.response["refresh_token"]
    stolen = other.calls("/token", grant_type="refresh_token", refresh_token=refresh)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    told = client.calls("/token", grant_type="refresh_token", refresh_token=refresh)
    assert told.status_code == 200, told.text
    body = told.json()
    assert body["access_token"] != result.access_token
    claims = client.verified(body["id_token"])
    same = ("iss", "sub", "aud", "auth_time")
    assert {name: claims[name] for name in same} == {name: result.claims[name] for name in same}
    assert claims["iat"] > result.claims["iat"]
    assert "nonce" not in claims
    assert client.userinfo(body["access_token"]).status_code == 200
