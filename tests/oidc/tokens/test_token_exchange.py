"""Token exchange: one service acts for a person at the next one, within its policy, and no longer than it was trusted."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import accounts
from idp.accounts import connections
from idp.core import clock
from idp.oidc.clients.rules import TOKEN_EXCHANGE_GRANT
from idp.oidc.tokens import access_tokens, signing_keys
from tests.oidc.conftest import RelyingParty

TYPE = "urn:ietf:params:oauth:token-type:access_token"
API, NEXT = "https://api.example.go.id/", "https://next.example.go.id/"
POLICY = {"subject_clients": ("wlkp",), "audiences": (NEXT, "next"), "scope": "email api"}
MIDDLE: dict[str, Any] = {
    "redirect_uris": (),
    "grant_types": (TOKEN_EXCHANGE_GRANT,),
    "token_exchange": POLICY,
    "resources": (API,),
    "resource_server": True,
}


@pytest.fixture
def middle(register: Callable[..., RelyingParty]) -> RelyingParty:
    return register("middle", **MIDDLE)


@pytest.fixture
def presented(wlkp: RelyingParty, browser: FlaskClient) -> str:
    return str(wlkp.redeem(wlkp.code(browser, scope="openid email phone api", resource=API)).json["access_token"])


@pytest.fixture
def wlkp(register: Callable[..., RelyingParty]) -> RelyingParty:
    """It calls the API of `middle` for people."""
    return register("wlkp", resources=(API,))


def exchange(party: RelyingParty, subject_token: str, **changes: str | None) -> TestResponse:
    sent: dict[str, str | None] = {"subject_token": subject_token, "subject_token_type": TYPE, "resource": NEXT}
    return party.post("/token", grant_type=TOKEN_EXCHANGE_GRANT, **sent | changes)


def refused(response: TestResponse) -> str:
    assert response.status_code == 400
    return str(response.json["error"])


def read(app: Flask, token: str) -> dict[str, Any]:
    with app.app_context():
        stated = signing_keys.verify(token, "at+jwt")
    assert stated is not None
    return stated


def test_the_next_service_learns_for_whom_and_who_acts(app: Flask, middle: RelyingParty, presented: str, siti: str) -> None:
    given = exchange(middle, presented).json
    assert given.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (given["issued_token_type"], given["token_type"], given["scope"]) == (TYPE, "Bearer", "email api")
    stated = read(app, given["access_token"])
    assert (stated["sub"], stated["aud"], stated["client_id"], stated["act"]) == (siti, NEXT, "middle", {"sub": "middle"})
    assert middle.post("/introspect", token=given["access_token"]).json["act"] == {"sub": "middle"}


def test_a_chain_names_everybody_who_acts_and_has_an_end(
    app: Flask, middle: RelyingParty, register: Callable[..., RelyingParty], presented: str
) -> None:
    token = exchange(middle, presented, audience="next").json["access_token"]
    own = {"subject_clients": ("middle", "next"), "audiences": (NEXT,), "scope": "api"}
    further = register("next", **MIDDLE | {"token_exchange": own, "resources": (NEXT,)})
    token = exchange(further, token).json["access_token"]
    assert read(app, token)["act"] == {"sub": "next", "act": {"sub": "middle"}}
    for _ in range(2):
        token = exchange(further, token).json["access_token"]
    assert refused(exchange(further, token)) == "invalid_request"


def test_the_scope_may_be_narrowed_and_never_widened(middle: RelyingParty, presented: str) -> None:
    assert exchange(middle, presented, scope="api").json["scope"] == "api"
    # phone: beyond the policy. profile: beyond the token.
    for scope in ("phone", "profile", "api phone"):
        assert refused(exchange(middle, presented, scope=scope)) == "invalid_scope"


def test_the_policy_gives_no_scope_that_the_token_lacks(middle: RelyingParty, wlkp: RelyingParty, browser: FlaskClient) -> None:
    token = wlkp.redeem(wlkp.code(browser, scope="openid", resource=API)).json["access_token"]
    assert "scope" not in exchange(middle, token).json
    assert refused(exchange(middle, token, scope="email")) == "invalid_scope"


@pytest.mark.parametrize("target", [{"resource": None}, {"resource": API}, {"audience": "wlkp"}, {"audience": "next evil"}])
def test_only_audiences_of_the_policy(middle: RelyingParty, presented: str, target: dict[str, str | None]) -> None:
    assert refused(exchange(middle, presented, **target)) == "invalid_target"


def test_only_tokens_of_clients_in_the_policy(
    middle: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    other = register("other", resources=(API,))
    token = other.redeem(other.code(browser, resource=API)).json["access_token"]
    assert refused(exchange(middle, token)) == "invalid_request"


def test_only_access_tokens_of_people(middle: RelyingParty, wlkp: RelyingParty, browser: FlaskClient) -> None:
    given = wlkp.redeem(wlkp.code(browser, resource=API)).json
    own = wlkp.post("/token", grant_type="client_credentials").json["access_token"]
    for token in (given["id_token"], given["refresh_token"], own, "", "00" + "x" * 43):
        assert refused(exchange(middle, token)) == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token_type": None},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "x", "actor_token_type": TYPE},
    ],
)
def test_what_is_not_supported_is_refused(middle: RelyingParty, presented: str, changes: dict[str, str | None]) -> None:
    assert refused(exchange(middle, presented, **changes)) == "invalid_request"


@pytest.mark.parametrize("entry", [{"grant_types": ("client_credentials",)}, {"token_endpoint_auth_method": "none"}])
def test_only_clients_that_may_and_that_prove_themselves(
    app: Flask, register: Callable[..., RelyingParty], presented: str, entry: dict[str, Any]
) -> None:
    register("weak", **{"redirect_uris": (), "grant_types": (TOKEN_EXCHANGE_GRANT,), "token_exchange": POLICY} | _bare(entry))
    form = {"grant_type": TOKEN_EXCHANGE_GRANT, "subject_token": presented, "subject_token_type": TYPE, "resource": NEXT}
    sent = RelyingParty(app, "weak").basic if "grant_types" in entry else {}
    answer = app.test_client().post("/token", data=form | {"client_id": "weak"}, headers=sent)
    assert refused(answer) == "unauthorized_client"


def _bare(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"client_secret_hash": None} if "token_endpoint_auth_method" in entry else entry


def test_a_token_bound_to_a_key_is_not_exchanged(app: Flask, middle: RelyingParty, siti: str) -> None:
    with app.app_context():
        token, now = access_tokens.new_access_token(siti), clock.timestamp()
        bound = access_tokens.AccessToken(
            "wlkp", "api", now, now + 600, siti, audience=(API,), confirmation={"jkt": "a-thumbprint"}
        )
        assert access_tokens.save_access_token(token, bound)
    assert refused(exchange(middle, token)) == "invalid_request"


def test_it_lives_no_longer_than_the_token_it_came_from(
    app: Flask, middle: RelyingParty, wlkp: RelyingParty, browser: FlaskClient
) -> None:
    with time_machine.travel(clock.now(), tick=False) as moved:
        token = wlkp.redeem(wlkp.code(browser, scope="openid api", resource=API)).json["access_token"]
        moved.shift(500)
        given = exchange(middle, token).json
        assert given["expires_in"] == 100
        assert read(app, given["access_token"])["exp"] == clock.timestamp() + 100
        moved.shift(100)
        assert refused(exchange(middle, token)) == "invalid_request"


def test_it_ends_with_what_ended_the_token_it_came_from(
    app: Flask, middle: RelyingParty, wlkp: RelyingParty, browser: FlaskClient, siti: str
) -> None:
    given = wlkp.redeem(wlkp.code(browser, scope="openid api", resource=API)).json
    token = exchange(middle, given["access_token"]).json["access_token"]
    assert middle.post("/introspect", token=token).json["active"]
    wlkp.post("/revoke", token=given["refresh_token"])
    assert middle.post("/introspect", token=token).json == {"active": False}


def test_a_locked_account_is_exchanged_for_nothing(app: Flask, middle: RelyingParty, presented: str, siti: str) -> None:
    token = exchange(middle, presented).json["access_token"]
    with app.app_context():
        account = accounts.find(siti)
        assert account is not None
        accounts.lock(account, "test")
    assert middle.post("/introspect", token=token).json == {"active": False}
    assert refused(exchange(middle, presented)) == "invalid_request"


@pytest.mark.parametrize("resource", [None, NEXT])
def test_what_is_made_out_to_another_is_not_exchanged(
    middle: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient, resource: str | None
) -> None:
    """S14: a token for userinfo, or for somebody else's API, would be worth more in the wrong hands than in the right ones."""
    wlkp = register("wlkp", resources=(API, NEXT))
    token = wlkp.redeem(wlkp.code(browser, resource=resource)).json["access_token"]
    assert refused(exchange(middle, token)) == "invalid_request"
    right = wlkp.redeem(wlkp.code(browser, resource=API)).json["access_token"]
    assert exchange(middle, right, resource=NEXT).status_code == 200


def test_whoever_only_calls_an_api_is_not_the_api(register: Callable[..., RelyingParty], presented: str) -> None:
    """S14: a client whose entry lists a resource may ask tokens for it, and still is not who they are made out to."""
    caller = register("middle", **MIDDLE | {"resource_server": False})
    assert refused(exchange(caller, presented)) == "invalid_request"


def test_tokens_of_a_client_that_was_removed_are_refused(
    app: Flask, middle: RelyingParty, register: Callable[..., RelyingParty], presented: str
) -> None:
    """S14: also when it was the first of several, and what was exchanged before is told to be inactive."""
    own = {"subject_clients": ("middle",), "audiences": (NEXT,), "scope": "api"}
    further = register("next", **MIDDLE | {"token_exchange": own, "resources": (NEXT,)})
    token = exchange(middle, presented, audience="next", resource=None).json["access_token"]
    assert exchange(further, token).status_code == 200
    assert further.post("/introspect", token=token).json["active"]
    del app.extensions["idp.clients"].known["wlkp"]
    assert refused(exchange(middle, presented)) == "invalid_request"
    assert refused(exchange(further, token)) == "invalid_request"
    assert further.post("/introspect", token=token).json == {"active": False}


@pytest.mark.parametrize("disconnected", ["wlkp", "middle"])
def test_disconnecting_any_service_on_the_way_ends_what_was_exchanged(
    app: Flask, middle: RelyingParty, register: Callable[..., RelyingParty], presented: str, siti: str, disconnected: str
) -> None:
    """S14: what came of a service's token goes with that service, however many have passed it on."""
    own = {"subject_clients": ("middle",), "audiences": (NEXT,), "scope": "api"}
    further = register("next", **MIDDLE | {"token_exchange": own, "resources": (NEXT,)})
    token = exchange(middle, presented, audience="next", resource=None).json["access_token"]
    last = exchange(further, token).json["access_token"]
    assert further.post("/introspect", token=last).json["active"]
    with app.app_context():
        connections.connected_services().end(siti, disconnected)
    assert further.post("/introspect", token=last).json == {"active": False}


def test_revoking_a_token_revokes_what_was_exchanged_for_it(
    middle: RelyingParty, wlkp: RelyingParty, register: Callable[..., RelyingParty], presented: str
) -> None:
    """R8: and nothing more comes of it; tokens beside it live on."""
    own = {"subject_clients": ("middle",), "audiences": (NEXT,), "scope": "api"}
    further = register("next", **MIDDLE | {"token_exchange": own, "resources": (NEXT,)})
    first, beside = (exchange(middle, presented, audience="next", resource=None).json["access_token"] for _ in range(2))
    last, other = exchange(further, first).json["access_token"], exchange(further, beside).json["access_token"]
    middle.post("/revoke", token=first)
    told = {name: further.post("/introspect", token=t).json["active"] for name, t in (("last", last), ("other", other))}
    assert told == {"last": False, "other": True}
    wlkp.post("/revoke", token=presented)
    assert further.post("/introspect", token=other).json == {"active": False}
    assert refused(exchange(middle, presented)) == "invalid_request"
