"""RP-initiated logout and session management: modules of their plans."""

import base64
import hashlib
import json
from urllib.parse import urlencode

import pytest

from tests.conformance.suite import CALLBACK, SuiteClient
from tests.simple_browser import Page

OUT = "https://suite.example/post_logout"
STATE = "s" * 128


@pytest.fixture
def client(register) -> SuiteClient:
    """A client with an address to come back to."""
    return register(post_logout_redirect_uris=(OUT,))


def leaves(client: SuiteClient, **asked: str | None) -> Page:
    """Opens the end session endpoint; None leaves a parameter out."""
    sent = {name: value for name, value in asked.items() if value is not None}
    return client.browser.open(f"{client.issuer}/logout?{urlencode(sent)}")


def usual(client: SuiteClient) -> dict[str, str]:
    """Somebody signed in, and the parameters of a logout that nothing is wrong with."""
    return {"id_token_hint": client.signs_in().id_token, "post_logout_redirect_uri": OUT, "state": STATE}


def signed_in(client: SuiteClient) -> bool:
    """What the suite asks afterwards: prompt=none must find nobody."""
    client.sends(prompt="none")
    return "code" in client.answered()


def confirms(client: SuiteClient) -> Page:
    """Presses yes on the page that asks."""
    return client.browser.submit(button=("confirm", "yes"))


def test_oidcc_rp_initiated_logout(client):
    leaves(client, **usual(client))
    assert client.browser.url_of_service == f"{OUT}?state={STATE}"
    assert not signed_in(client)


def test_oidcc_rp_initiated_logout_by_post(client):
    browser = client.browser
    response = browser.send(browser.client.build_request("POST", f"{client.issuer}/logout", data=usual(client)))
    assert response.status_code == 303
    browser.open(response.headers["Location"])
    assert browser.url_of_service == f"{OUT}?state={STATE}"
    assert not signed_in(client)


@pytest.mark.parametrize("uri", [OUT + "/else", OUT + "?foo=bar", CALLBACK, "https://evil.example/"])
def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(client, uri):
    """…and -query-added-to-post-logout-redirect-uri."""
    page = leaves(client, **usual(client) | {"post_logout_redirect_uri": uri})
    assert client.browser.url_of_service is None
    assert page.status in (200, 400)
    assert "evil" not in page.text


def test_oidcc_rp_initiated_logout_modified_id_token_hint(client):
    asked = usual(client)
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    forged = f"{header}.{asked['id_token_hint'].split('.')[1]}."
    page = leaves(client, **asked | {"id_token_hint": forged})
    assert client.browser.url_of_service is None
    assert page.status in (200, 400)


def test_oidcc_rp_initiated_logout_bad_id_token_hint(client):
    asked = usual(client)
    head, payload, signature = asked["id_token_hint"].split(".")
    leaves(client, **asked | {"id_token_hint": f"{head}.{payload}.{signature[::-1]}"})
    assert client.browser.url_of_service is None


def test_oidcc_rp_initiated_logout_no_id_token_hint(client):
    page = leaves(client, **usual(client) | {"id_token_hint": None})
    assert client.browser.url_of_service is None
    assert "confirm" in page.source
    confirms(client)
    assert client.browser.url_of_service is None
    assert not signed_in(client)


def test_oidcc_rp_initiated_logout_no_params(client):
    client.signs_in()
    leaves(client)
    confirms(client)
    assert client.browser.url_of_service is None
    assert not signed_in(client)


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(client):
    page = leaves(client, **usual(client) | {"post_logout_redirect_uri": None})
    assert client.browser.url_of_service is None
    assert page.status == 200
    assert not signed_in(client)


def test_oidcc_rp_initiated_logout_no_state(client):
    leaves(client, **usual(client) | {"state": None})
    assert client.browser.url_of_service == OUT
    assert not signed_in(client)


def test_oidcc_rp_initiated_logout_only_state(client):
    client.signs_in()
    leaves(client, state=STATE)
    assert client.browser.url_of_service is None
    confirms(client)
    assert client.browser.url_of_service is None
    assert not signed_in(client)


def test_logout_without_a_session_does_not_ask_for_a_login(client):
    asked = usual(client)
    client.browser.forget_session()
    leaves(client, **asked)
    assert client.browser.url_of_service == f"{OUT}?state={STATE}"


def test_logout_with_an_expired_hint_works(client, clock):
    asked = usual(client)
    clock.shift(3600)
    leaves(client, **asked)
    assert client.browser.url_of_service == f"{OUT}?state={STATE}"
    assert not signed_in(client)


def test_oidcc_session_management_rp_initiated_logout(client):
    """session_state is what the frame works out from the browser's state, and no longer after the logout."""
    given = client.authorizes()
    result = client.completes(given)
    assert state_of(client, given["session_state"]) == "unchanged"
    again = client.authorizes(prompt="none")
    assert state_of(client, again["session_state"]) == "unchanged"
    leaves(client, id_token_hint=result.id_token, post_logout_redirect_uri=OUT)
    assert state_of(client, given["session_state"]) == "changed"


def state_of(client: SuiteClient, session_state: str) -> str:
    """What the frame of ours would tell the client's page (Session Management 1.0 section 3.2)."""
    known, _, salt = session_state.partition(".")
    cookie = client.browser.client.cookies.get("idp_browser_state") or ""
    seen = hashlib.sha256(f"{client.client_id} https://suite.example {cookie} {salt}".encode()).hexdigest()
    return "unchanged" if seen == known else "changed"
