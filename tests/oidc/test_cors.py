"""Scripts of other origins: which of them may read which answers, and never with our cookies."""

from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.oidc.clients import registration
from tests import loopback
from tests.oidc.conftest import CALLBACK, VERIFIER, RelyingParty

PAGE = "https://spa.example"
OTHER = "https://other.example"
EVIL = "https://evil.example"
ALLOW = "Access-Control-Allow-Origin"
ENDPOINTS = ("/token", "/userinfo", "/revoke")


@pytest.fixture
def spa(register: Callable[..., RelyingParty]) -> RelyingParty:
    """A page without a server of its own, and another client whose page has another origin."""
    register("other", cors_origins=(OTHER,))
    return register(
        "spa", cors_origins=(PAGE,), token_endpoint_auth_method="none", client_secret_hash=None,
        grant_types=("authorization_code", "refresh_token"),
    )  # fmt: skip


def preflight(app: Flask, path: str, origin: str, method: str = "POST") -> TestResponse:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    return app.test_client().options(path, headers=asked)


def redeem(spa: RelyingParty, browser: FlaskClient, origin: str | None) -> TestResponse:
    form = {
        "grant_type": "authorization_code", "code": spa.code(browser), "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER, "client_id": "spa",
    }  # fmt: skip
    return spa.app.test_client().post("/token", data=form, headers={"Origin": origin} if origin else {})


def userinfo(spa: RelyingParty, token: str, origin: str) -> TestResponse:
    return spa.app.test_client().get("/userinfo", headers={"Authorization": f"Bearer {token}", "Origin": origin})


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_preflight_is_answered_to_the_pages_of_clients(spa: RelyingParty, path: str) -> None:
    for origin in (PAGE, OTHER):
        told = preflight(spa.app, path, origin).headers
        assert told[ALLOW] == origin
        assert "POST" in told["Access-Control-Allow-Methods"]
        assert "Authorization" in told["Access-Control-Allow-Headers"]
        assert "Origin" in told["Vary"]


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    "origin", [EVIL, "null", "*", PAGE + ".evil.example", PAGE + ":444", "http://spa.example", "", PAGE + "/"]
)
def test_nobody_else_gets_past_a_preflight(spa: RelyingParty, path: str, origin: str) -> None:
    told = preflight(spa.app, path, origin).headers
    assert ALLOW not in told
    assert "Access-Control-Allow-Methods" not in told
    assert "Origin" in told["Vary"], "a cache would give this answer to the right origin"


def test_a_page_reads_the_tokens_of_its_own_client_only(spa: RelyingParty, browser: FlaskClient) -> None:
    assert redeem(spa, browser, PAGE).headers[ALLOW] == PAGE
    for origin in (OTHER, EVIL, None):
        told = redeem(spa, browser, origin)
        assert told.status_code == 200
        assert ALLOW not in told.headers
        assert "Origin" in told.headers["Vary"]


def test_a_page_reads_the_userinfo_of_its_own_client_only(spa: RelyingParty, browser: FlaskClient) -> None:
    token = redeem(spa, browser, PAGE).json["access_token"]
    assert userinfo(spa, token, PAGE).headers[ALLOW] == PAGE
    for origin in (OTHER, EVIL):
        told = userinfo(spa, token, origin)
        assert told.status_code == 200
        assert ALLOW not in told.headers


def test_a_page_revokes_and_reads_the_answer(spa: RelyingParty, browser: FlaskClient) -> None:
    token = redeem(spa, browser, PAGE).json["access_token"]
    for origin, allowed in ((OTHER, None), (PAGE, PAGE)):
        form = {"token": token, "client_id": "spa"}
        told = spa.app.test_client().post("/revoke", data=form, headers={"Origin": origin})
        assert told.status_code == 200
        assert told.headers.get(ALLOW) == allowed


def test_a_page_can_read_why_it_was_refused(spa: RelyingParty) -> None:
    told = userinfo(spa, "nonsense", PAGE)
    assert (told.status_code, told.headers[ALLOW]) == (401, PAGE)
    assert "WWW-Authenticate" in told.headers["Access-Control-Expose-Headers"]
    assert ALLOW not in userinfo(spa, "nonsense", EVIL).headers


def test_no_answer_ever_allows_credentials(spa: RelyingParty, browser: FlaskClient) -> None:
    answers = [preflight(spa.app, path, PAGE) for path in ENDPOINTS]
    answers += [redeem(spa, browser, PAGE), userinfo(spa, "nonsense", PAGE)]
    answers.append(spa.app.test_client().get("/jwks.json", headers={"Origin": PAGE}))
    for told in answers:
        assert told.headers[ALLOW] in (PAGE, "*")
        assert "Access-Control-Allow-Credentials" not in told.headers


def test_an_answer_of_nobody_knows_whom_is_read_by_no_script(spa: RelyingParty) -> None:
    for status, allowed in ((400, PAGE), (200, None)):
        with spa.app.test_request_context("/token", method="POST", headers={"Origin": PAGE}):
            told = spa.app.process_response(Response(status=status))
        assert told.headers.get(ALLOW) == allowed


@pytest.mark.parametrize("path", ["/authorize", "/introspect", "/par", "/register", "/logout", "/device_authorization"])
def test_everything_else_is_read_by_no_script(spa: RelyingParty, path: str) -> None:
    assert ALLOW not in preflight(spa.app, path, PAGE).headers
    assert ALLOW not in spa.app.test_client().get(path, headers={"Origin": PAGE}).headers
    assert ALLOW not in spa.app.test_client().post(path, headers={"Origin": PAGE}).headers


def test_a_session_cookie_gives_a_script_nothing(spa: RelyingParty, browser: FlaskClient) -> None:
    told = browser.get("/userinfo", headers={"Origin": PAGE})
    assert (told.status_code, told.get_data()) == (401, b"{}")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks.json"])
def test_what_is_public_is_read_by_every_script_over_http(issuer: str, path: str) -> None:
    told = loopback.get(issuer + path, headers={"Origin": EVIL})
    assert (told.status_code, told.headers[ALLOW]) == (200, "*")


def test_a_preflight_over_http(spa: RelyingParty, issuer: str) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    told = httpx.options(f"{issuer}/token?{urlencode({'client_id': 'spa'})}", headers=asked)
    assert (told.status_code, told.headers[ALLOW], told.headers["Access-Control-Max-Age"]) == (200, PAGE, "600")


def test_a_page_that_registered_itself_is_answered_where_it_is_at_home(app: Flask) -> None:
    """R8: by the origins of its redirect URIs, whatever others it asks for; a preflight of anybody else reads the table once."""
    home, elsewhere = "https://dinamis.example", "https://asked.example"
    with app.app_context():
        bearer = {"Authorization": f"Bearer {registration.issue_initial_access_token(4, 3600)}"}

    def enrolled(**said: object) -> str:
        known = app.test_client().post("/register", json=said | {"cors_origins": [elsewhere]}, headers=bearer)
        assert known.status_code == 201, known.json
        return str(known.json["client_id"])

    assert ALLOW not in preflight(app, "/token", home).headers
    page = enrolled(redirect_uris=[f"{home}/cb", f"{home}/?x=y"], token_endpoint_auth_method="none")
    enrolled(redirect_uris=["https://server.example/cb"])
    enrolled(redirect_uris=["id.go.example.app:/cb"], token_endpoint_auth_method="none", application_type="native")
    assert preflight(app, "/userinfo", home, "GET").headers[ALLOW] == home
    for origin in (elsewhere, "https://server.example", EVIL):
        assert ALLOW not in preflight(app, "/token", origin).headers
    form = {"grant_type": "authorization_code", "code": "none", "code_verifier": VERIFIER, "client_id": page}
    for origin, allowed in ((home, home), (elsewhere, None)):
        assert app.test_client().post("/token", data=form, headers={"Origin": origin}).headers.get(ALLOW) == allowed
