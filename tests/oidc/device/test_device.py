"""Signing in on a device: its owner decides in a browser, the device polls, and a device code is worth one answer."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import accounts
from idp.core import clock, crypto
from idp.oidc.clients.rules import DEVICE_CODE_GRANT
from idp.oidc.device import codes
from idp.sessions import single_sign_on
from tests.oidc.conftest import RelyingParty
from tests.simple_browser import onward

GRANTS = ("authorization_code", "refresh_token", DEVICE_CODE_GRANT)


@dataclass(frozen=True, slots=True)
class Television:
    """A device of this client, waiting for its owner."""

    party: RelyingParty
    told: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.told["user_code"])

    def poll(self, party: RelyingParty | None = None) -> TestResponse:
        return (party or self.party).post("/token", grant_type=DEVICE_CODE_GRANT, device_code=self.told["device_code"])

    def error(self) -> str:
        answer = self.poll()
        assert answer.status_code == 400
        return str(answer.json["error"])


@pytest.fixture
def at() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now(), tick=False) as moved:
        yield moved


@pytest.fixture
def wait(register: Callable[..., RelyingParty]) -> Callable[..., Television]:
    def waiting(client_id: str = "tv", scope: str = "openid profile", resource: str | None = None, **entry: Any) -> Television:
        party = register(client_id, grant_types=GRANTS, **entry)
        told = party.post("/device_authorization", scope=scope, resource=resource)
        assert told.status_code == 200, told.json
        return Television(party, told.json)

    return waiting


def form(browser: FlaskClient, url: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(url).get_data(as_text=True))
    assert found, url
    return found[1]


def decide(browser: FlaskClient, code: str, decision: str = "allow") -> TestResponse:
    token = form(browser, f"/device?user_code={code}")
    return browser.post("/device", data={"user_code": code, "decision": decision, "csrf_token": token})


def allow(browser: FlaskClient, code: str) -> TestResponse:
    """Yes, by somebody who is signed in at a client that needs no consent."""
    return browser.get(decide(browser, code).location)


def test_the_device_is_told_where_to_send_its_owner(app: Flask, wait: Callable[..., Television]) -> None:
    told = wait().told
    page = app.extensions["idp.settings"].issuer + "/device"
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", told["user_code"])
    assert told["verification_uri"] == page
    assert told["verification_uri_complete"] == f"{page}?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"]) == (600, 5)


def test_a_yes_gives_the_device_its_tokens(wait: Callable[..., Television], browser: FlaskClient, siti: str) -> None:
    television = wait()
    page = browser.get(f"/device?user_code={television.code.lower().replace('-', ' ')}").get_data(as_text=True)
    assert "Wajib Lapor" in page
    assert television.code in page
    assert allow(browser, television.code).location == "/device/allowed"
    assert browser.get("/device/allowed").status_code == 200
    given = television.poll().json
    assert given["scope"] == "openid profile"
    stated = television.party.stated(given["id_token"])
    assert (stated["sub"], stated["aud"]) == (siti, "tv")
    assert "nonce" not in stated
    assert television.party.userinfo(given["access_token"]).json["sub"] == siti
    assert television.party.refresh(given["refresh_token"]).status_code == 200


def test_typing_the_code_leads_to_the_page_that_names_the_service(wait: Callable[..., Television], browser: FlaskClient) -> None:
    code = wait().code
    answer = browser.post("/device", data={"user_code": code.lower(), "csrf_token": form(browser, "/device")})
    assert (answer.status_code, answer.location) == (303, f"/device?user_code={code}")


def test_nobody_is_in_before_signing_in_and_consenting(app: Flask, wait: Callable[..., Television], browser: FlaskClient) -> None:
    television, strange = wait(), wait("strange", first_party=False)
    nobody = app.test_client()
    assert "/login" in nobody.get(decide(nobody, television.code).location).location
    consent = allow(browser, strange.code).location
    assert consent.endswith("/consent")
    assert (television.error(), strange.error()) == ("authorization_pending", "authorization_pending")
    token = form(browser, consent)
    door = browser.post(consent, data={"decision": "allow", "csrf_token": token}).location
    assert browser.get(door).location == "/device/allowed"


def test_a_no_reaches_the_device(wait: Callable[..., Television], browser: FlaskClient) -> None:
    television = wait()
    assert decide(browser, television.code, "deny").location == "/device/denied"
    assert television.error() == "access_denied"


def test_a_no_in_the_corridor_reaches_it_too(wait: Callable[..., Television], browser: FlaskClient) -> None:
    television = wait(first_party=False)
    consent = allow(browser, television.code).location
    door = browser.post(consent, data={"decision": "deny", "csrf_token": form(browser, consent)}).location
    assert browser.get(door).location == "/device/denied"
    assert television.error() == "access_denied"


def test_a_decision_needs_our_own_page(wait: Callable[..., Television], browser: FlaskClient) -> None:
    television = wait()
    token = form(browser, "/device")
    data = {"user_code": television.code, "decision": "allow"}
    assert browser.post("/device", data=data).status_code == 400
    foreign = {"Origin": "https://evil.example"}
    assert browser.post("/device", data=data | {"csrf_token": token}, headers=foreign).status_code == 400
    assert television.error() == "authorization_pending"


def test_a_hasty_device_waits_longer_each_time(
    wait: Callable[..., Television], browser: FlaskClient, at: time_machine.Traveller
) -> None:
    television = wait()
    assert television.error() == "authorization_pending"
    at.shift(4)
    assert television.error() == "slow_down"
    at.shift(9)
    assert television.error() == "slow_down"
    allow(browser, television.code)
    at.shift(14)
    assert television.error() == "slow_down"
    at.shift(20)
    assert television.poll().status_code == 200


def test_a_code_expires_for_the_device_and_for_its_owner(
    app: Flask, wait: Callable[..., Television], browser: FlaskClient, at: time_machine.Traveller
) -> None:
    television, late = wait(), wait("late", first_party=False)
    nobody = app.test_client()
    door_of_nobody = decide(nobody, television.code).location
    consent = allow(browser, late.code).location
    token = form(browser, consent)
    at.shift(599)
    assert television.error() == "authorization_pending"
    at.shift(1)
    assert television.error() == "expired_token"
    assert browser.get(f"/device?user_code={television.code}").status_code == 400
    assert nobody.get(door_of_nobody).status_code == 400, "nobody signs in for a device that has given up"
    door = browser.post(consent, data={"decision": "allow", "csrf_token": token}).location
    assert browser.get(door).status_code == 400
    assert late.error() == "expired_token"


def test_nothing_is_decided_after_the_end(app: Flask, wait: Callable[..., Television], at: time_machine.Traveller) -> None:
    device = crypto.digest(wait().told["device_code"])
    at.shift(600)
    with app.app_context():
        assert not codes.deny(device)
        assert not codes.deny("unknown")


def test_an_allowed_code_that_nobody_fetched_expires_too(
    wait: Callable[..., Television], browser: FlaskClient, at: time_machine.Traveller
) -> None:
    television = wait()
    allow(browser, television.code)
    at.shift(600)
    assert television.error() == "expired_token"


def test_of_twenty_polls_at_once_one_gets_the_tokens(wait: Callable[..., Television], browser: FlaskClient) -> None:
    television = wait()
    allow(browser, television.code)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: television.poll().status_code, range(20)))
    assert sorted(answers) == [200] + [400] * 19
    assert television.error() == "invalid_grant"


def test_of_two_that_decide_the_first_is_heard(
    app: Flask, wait: Callable[..., Television], browser: FlaskClient, sign_in: Callable[..., FlaskClient], siti: str
) -> None:
    television, second = wait(), sign_in(siti)
    first_door, second_door = (decide(b, television.code).location for b in (browser, second))
    assert browser.get(first_door).location == "/device/allowed"
    assert second.get(second_door).status_code == 400
    assert browser.get(f"/device?user_code={television.code}").status_code == 400
    with app.app_context():
        assert not codes.deny(crypto.digest(television.told["device_code"]))
    assert television.poll().status_code == 200


def test_the_code_of_another_client_is_worth_nothing(
    wait: Callable[..., Television], register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    television = wait()
    allow(browser, television.code)
    assert television.poll(register("thief", grant_types=GRANTS)).json["error"] == "invalid_grant"
    assert television.poll().status_code == 200


def test_only_clients_that_registered_it(wlkp: RelyingParty, wait: Callable[..., Television], browser: FlaskClient) -> None:
    assert wlkp.post("/device_authorization", scope="openid").json["error"] == "unauthorized_client"
    assert wlkp.post("/token", grant_type=DEVICE_CODE_GRANT, device_code="x").json["error"] == "unauthorized_client"
    assert wait().party.post("/device_authorization", scope="nik").json["error"] == "invalid_scope"


def test_a_client_that_loses_the_grant_meanwhile(
    wait: Callable[..., Television], register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    television = wait()
    door = decide(browser, television.code).location
    register("tv")
    assert browser.get(door).status_code == 400


def test_wrong_guesses_run_out_and_right_ones_do_not_count(wait: Callable[..., Television], browser: FlaskClient) -> None:
    television = wait()
    for _ in range(25):
        assert browser.get(f"/device?user_code={television.code}").status_code == 200
    for _ in range(20):
        assert browser.get("/device?user_code=BBBB-BBBB").status_code == 400
    assert browser.get("/device?user_code=BBBB-BBBB").status_code == 429
    assert browser.get(f"/device?user_code={television.code}").status_code == 429


def test_a_parameter_of_a_client_never_names_a_device(
    app: Flask, wait: Callable[..., Television], register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    television = wait()
    device = crypto.digest(television.told["device_code"])
    party = register("stranger", first_party=False)
    consent = browser.get(party.url() + f"&device={device}").location
    door = browser.post(consent, data={"decision": "allow", "csrf_token": form(browser, consent)}).location
    assert urlsplit(onward(browser.get(door))).netloc == "rp.example"
    assert television.error() == "authorization_pending"


def test_an_account_locked_before_the_poll_gets_nothing(
    app: Flask, wait: Callable[..., Television], browser: FlaskClient, siti: str
) -> None:
    television = wait()
    allow(browser, television.code)
    with app.app_context():
        account = accounts.find(siti)
        assert account is not None
        accounts.lock(account, "test")
    assert television.error() == "invalid_grant"


def test_a_logout_ends_the_device_and_tells_its_client(app: Flask, wait: Callable[..., Television], browser: FlaskClient) -> None:
    television = wait(frontchannel_logout_uri="https://rp.example/told")
    allow(browser, television.code)
    given = television.poll().json
    told: list[set[str]] = []

    def listen(_: Any, clients: set[str], **rest: Any) -> None:
        told.append(clients)

    with app.test_request_context(), single_sign_on.session_ended.connected_to(listen):
        single_sign_on.end(television.party.stated(given["id_token"])["sid"])
    assert told == [{"tv"}]
    assert television.party.userinfo(given["access_token"]).status_code == 401
    assert television.party.refresh(given["refresh_token"]).json["error"] == "invalid_grant"


def test_a_device_may_name_a_resource(app: Flask, wait: Callable[..., Television], browser: FlaskClient) -> None:
    api = "https://api.example.go.id/"
    television = wait(resource=api, resources=(api,))
    assert (
        television.party.post("/device_authorization", scope="openid", resource="https://evil.example/").json["error"]
        == "invalid_target"
    )
    allow(browser, television.code)
    given = television.poll().json
    assert television.party.post("/introspect", token=given["access_token"]).json["aud"] == [api]
