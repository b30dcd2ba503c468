"""Attacks on where answers go: nobody but the registered address ever gets a code, an error or a token."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.core.key_rings import ConfigError
from idp.oidc.clients import registration
from idp.oidc.clients.client import hash_secret
from idp.oidc.clients.directory import ClientDirectory
from tests.oidc.conftest import CALLBACK, SECRET, RelyingParty

# Forty ways to bend https://rp.example/cb (RFC 9700 section 4.1: exact comparison, nothing is normalised).
BENT = [
    "https://rp.example/cb/", "https://rp.example/cb?", "https://rp.example/cb?x=1", "https://rp.example/cb#",
    "https://rp.example/cb#x", "https://rp.example/CB", "https://RP.example/cb", "HTTPS://rp.example/cb",
    "http://rp.example/cb", "//rp.example/cb", "rp.example/cb", "/cb", "https:/rp.example/cb", "https:rp.example/cb",
    "https://rp.example:443/cb", "https://rp.example:8443/cb", "https://rp.example./cb", "https://rp.example//cb",
    "https://rp.example/./cb", "https://rp.example/x/../cb", "https://rp.example/%2e/cb", "https://rp.example/cb/%2e%2e",
    "https://rp.example/c%62", "https://rp.example/cb%00", "https://rp.example/cb%20", "https://rp.example/cb ",
    " https://rp.example/cb", "https://rp.example/cb\t", "https://rp.example/cb\n", "https://rp.example\\cb",
    "https://rp.example/cb;x", "https://rp.example/cb\\@evil.example", "https://user@rp.example/cb",
    "https://rp.example@evil.example/cb", "https://rp.example:pw@evil.example/cb", "https://rp.example.evil.example/cb",
    "https://evil-rp.example/cb", "https://evil.example/https://rp.example/cb", "https://rp.ex\u0430mple/cb",
    "https://xn--rp-example/cb", "https://rp.example/cb\u2025", "https://evil.example\\.rp.example/cb", "javascript:alert(1)",
    "data:text/html,x", "https://rp.example/cb,https://evil.example/", "https://rp.example/cb https://evil.example/",
]  # fmt: skip

INVALID = [
    {"response_type": "nonsense"}, {"response_type": ""}, {"scope": "nonsense"}, {"prompt": "none login"}, {"prompt": "none"},
    {"max_age": "-1"}, {"claims": "{"}, {"claims": "[]"}, {"code_challenge": "short"}, {"code_challenge_method": "plain"},
    {"code_challenge": ""}, {"response_mode": "web_message"}, {"request": "x.y.z"}, {"request_uri": "https://evil.example/r"},
    {"request_uri": "urn:ietf:params:oauth:request_uri:none"}, {"id_token_hint": "a.b.c"}, {"display": "<b>"}, {"resource": "x#y"},
    {"nonce": "n" * 5000}, {"state": "s" * 5000}, {"acr_values": "a" * 5000}, {"registration": "{}"}, {"client_secret": "x"},
]  # fmt: skip
FOREIGN = ["https://evil.example/", "https://rp.example/cb/", "javascript:alert(1)", "", "https://rp.example\r\nX: y/cb"]


def stays(browser: FlaskClient, url: str) -> None:
    response = browser.get(url)
    assert response.status_code == 400, (url, response.status_code)
    assert "Location" not in response.headers, url
    assert "evil.example" not in response.headers.get("Content-Security-Policy", ""), "no form of ours may end there either"


@pytest.mark.parametrize("bent", BENT)
def test_a_bent_redirect_uri_gets_no_answer(wlkp: RelyingParty, browser: FlaskClient, bent: str) -> None:
    stays(browser, wlkp.url(redirect_uri=bent))
    stays(browser, wlkp.url(redirect_uri=bent, prompt="none"))


@pytest.mark.parametrize("bent", BENT)
def test_a_bent_address_is_not_followed_out_either(wlkp: RelyingParty, browser: FlaskClient, bent: str) -> None:
    """Logout as an open redirect: the hint is sound, the address is not (RP-Initiated Logout section 3)."""
    asked = {"id_token_hint": wlkp.redeem(wlkp.code(browser)).json["id_token"], "state": "s"}
    for nobody_asked in (browser, browser.application.test_client()):
        response = nobody_asked.get("/logout?" + urlencode(asked | {"post_logout_redirect_uri": bent.replace("cb", "out")}))
        # Who is signed in is asked first; there is nothing to ask anybody else, who is told the fault at once.
        assert (response.status_code, response.location) == (200 if nobody_asked is browser else 400, None)
        assert "evil.example" not in response.headers["Content-Security-Policy"]


def test_the_straight_ones_are(wlkp: RelyingParty, browser: FlaskClient) -> None:
    """The attacks above fail for their own reason."""
    asked = {
        "id_token_hint": wlkp.redeem(wlkp.code(browser)).json["id_token"],
        "post_logout_redirect_uri": "https://rp.example/out",
    }
    assert browser.get("/logout?" + urlencode(asked)).location == "https://rp.example/out"


@pytest.mark.parametrize("invalid", INVALID, ids=lambda invalid: "-".join(invalid)[:20])
@pytest.mark.parametrize("foreign", FOREIGN)
def test_no_mistake_redirects_to_an_address_that_is_not_registered(
    wlkp: RelyingParty, browser: FlaskClient, invalid: dict[str, str], foreign: str
) -> None:
    stays(browser, wlkp.url(**invalid, redirect_uri=foreign))


@pytest.mark.parametrize("twice", [CALLBACK, "https://evil.example/"])
def test_two_addresses_are_none(wlkp: RelyingParty, browser: FlaskClient, twice: str) -> None:
    stays(browser, wlkp.url() + "&" + urlencode({"redirect_uri": twice}))


def test_the_address_of_another_client_is_not_mine(
    wlkp: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    register("evil", redirect_uris=("https://evil.example/cb",))
    stays(browser, wlkp.url(redirect_uri="https://evil.example/cb"))
    stays(browser, wlkp.url(client_id="evil"))


DANGEROUS = [
    "javascript:alert(1)",
    "data:text/html,x",
    "JaVaScRiPt:alert(1)",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://x",
]


SOUND = "https://rp.example/cb"
BY_FILE = ["redirect_uris", "post_logout_redirect_uris", "client_uri", "policy_uri", "tos_uri", "logo_uri"]
BY_REGISTRATION = [*BY_FILE, "jwks_uri", "initiate_login_uri"]


def entry(member: str, uri: str) -> dict[str, Any]:
    return {"redirect_uris": [CALLBACK]} | {member: [uri] if member.endswith("uris") else uri}


def opened(app: Flask, member: str, uri: str) -> ClientDirectory:
    path = app.extensions["idp.settings"].var / "attack.yaml"
    secret = f"    client_secret_hash: {hash_secret(SECRET)}"
    lines = [f"    {name}: {value!r}" for name, value in entry(member, uri).items()]
    path.write_text("\n".join(["clients:", "  - client_id: evil", "    client_name: Evil", secret, *lines]) + "\n")
    return ClientDirectory.open(path, production=False)


def registered(app: Flask, member: str, uri: str) -> TestResponse:
    with app.app_context():
        bearer = {"Authorization": f"Bearer {registration.issue_initial_access_token(1, 3600)}"}
    asked = entry(member, uri) | {"client_name": "Evil"}
    return app.test_client().post("/register", json=asked, headers=bearer)


@pytest.mark.parametrize("member", BY_FILE)
def test_no_operator_registers_a_script(app: Flask, member: str) -> None:
    assert opened(app, member, SOUND).find("evil"), "the attacks below fail for their own reason"
    for uri in DANGEROUS:
        with pytest.raises(ConfigError, match="attack.yaml"):
            opened(app, member, uri)


@pytest.mark.parametrize("member", BY_REGISTRATION)
def test_no_client_registers_a_script(app: Flask, member: str) -> None:
    assert registered(app, member, SOUND).status_code == 201, "the attacks below fail for their own reason"
    for uri in DANGEROUS:
        response = registered(app, member, uri)
        assert response.status_code == 400, (uri, response.json)
        assert response.json["error"] in ("invalid_redirect_uri", "invalid_client_metadata")
