"""npm's openid-client as a confidential relying party in a Node process."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import House
from tests.interop.conftest import HERE, arrive, move, visit
from tests.relying_party import RelyingParty


@pytest.fixture
def relying_party(house: House, start: Callable[..., str], free_port: Callable[[], int]) -> str:
    """Its address; it stands in for the demo service that may refresh."""
    port = free_port()
    client = move(house, "pelatihan", f"http://127.0.0.1:{port}")
    told = {
        "ISSUER": house.issuer,
        "CLIENT_ID": client.client_id,
        "CLIENT_SECRET": RelyingParty.of_demo(house.issuer, client.client_id).secret,
        "ALG": client.id_token_signed_response_alg,
    }
    return start("node", str(HERE / "openid_client" / "server.mjs"), port=port, **told)


def test_openid_client_signs_in_refreshes_and_logs_out(relying_party: str, house: House, person: Callable[..., Any]) -> None:
    """Discovery, PKCE, code, userinfo, SSO, end_session."""
    budi = person("Budi")
    browser = budi.browser

    def asks(path: str) -> Any:
        return json.loads(visit(browser, relying_party + path).source)

    assert asks("/login?prompt=none")["error"] == "login_required"
    visit(browser, f"{relying_party}/login?prompt=create")
    budi.registers()
    told = json.loads(arrive(browser).source)
    assert told["claims"]["iss"] == house.issuer
    assert told["claims"]["aud"] == "pelatihan"

    about = asks("/userinfo")
    assert (about["name"], about["email"]) == (budi.full_name, budi.email)
    assert asks("/login")["claims"]["sub"] == told["claims"]["sub"]  # signed in already: nothing is asked

    visit(browser, f"{relying_party}/logout")
    assert json.loads(browser.page.source)["signed_in"]
    assert asks("/login?prompt=none")["error"] == "login_required"


def test_openid_client_uses_a_refresh_token(relying_party: str, person: Callable[..., Any]) -> None:
    """A new access token that works, and none after the client has revoked the refresh token."""
    dewi = person("Dewi")
    browser = dewi.browser
    visit(browser, f"{relying_party}/login?prompt=create")
    dewi.registers()
    arrive(browser)
    visit(browser, f"{relying_party}/login?prompt=consent")
    browser.submit(button=("decision", "allow"))
    first = json.loads(arrive(browser).source)
    assert first["refresh"], first

    def asks(path: str) -> Any:
        return json.loads(visit(browser, relying_party + path).source)

    renewed = asks("/refresh")
    assert renewed["changed"], renewed
    assert asks("/userinfo")["email"] == dewi.email
    assert asks("/revoke")["revoked"]
    assert asks("/refresh")["error"] == "invalid_grant"
