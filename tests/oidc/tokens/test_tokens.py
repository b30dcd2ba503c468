"""The endpoints that clients call: token, userinfo, introspection, revocation."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from idp import accounts
from idp.core import clock
from idp.oidc.tokens import access_tokens
from tests.account_rows import email, phone, the
from tests.oidc.conftest import SECRET, VERIFIER, RelyingParty


def test_a_code_gives_tokens_and_an_id_token_about_the_sign_in_only(wlkp: RelyingParty, browser: FlaskClient, siti: str) -> None:
    response = wlkp.redeem(wlkp.code(browser))
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    given = response.json
    assert (given["token_type"], given["expires_in"], given["scope"]) == ("Bearer", 600, "openid profile email")
    stated = wlkp.stated(given["id_token"])
    assert stated.keys() == {"iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "nonce", "at_hash"}
    assert (stated["sub"], stated["aud"], stated["nonce"], stated["amr"]) == (siti, "wlkp", "the-nonce", ["pwd"])


def test_twenty_who_redeem_one_code_at_once_have_exactly_one_success(wlkp: RelyingParty, browser: FlaskClient) -> None:
    code = wlkp.code(browser)
    barrier = threading.Barrier(20)

    def one(_: int) -> int:
        barrier.wait(60)
        return wlkp.redeem(code).status_code

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(one, range(20))) == {200: 1, 400: 19}


def test_a_code_presented_again_kills_what_it_gave(wlkp: RelyingParty, browser: FlaskClient) -> None:
    with time_machine.travel(clock.now(), tick=False) as moved:
        code = wlkp.code(browser)
        given = wlkp.redeem(code).json
        assert wlkp.userinfo(given["access_token"]).status_code == 200
        moved.shift(30)
        assert wlkp.redeem(code).json["error"] == "invalid_grant"
    assert wlkp.userinfo(given["access_token"]).status_code == 401
    assert wlkp.refresh(given["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": None},
        {"code_verifier": "é" * 64},
        {"redirect_uri": "https://rp.example/other"},
        {"redirect_uri": None},
    ],
)
def test_a_redemption_must_match_the_request(wlkp: RelyingParty, browser: FlaskClient, changes: dict[str, str | None]) -> None:
    code = wlkp.code(browser)
    assert wlkp.redeem(code, **changes).json["error"] == "invalid_grant"
    assert wlkp.redeem(code).json["error"] == "invalid_grant"


def test_a_verifier_without_a_challenge_is_a_downgrade(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    party = register("optional", pkce="optional")
    bare = {"code_challenge": None, "code_challenge_method": None}
    assert party.redeem(party.code(browser, **bare)).json["error"] == "invalid_grant"
    assert party.redeem(party.code(browser, **bare), code_verifier=None).status_code == 200


def test_the_code_of_another_client_is_worth_nothing(
    wlkp: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    code = wlkp.code(browser)
    assert register("thief").redeem(code).json["error"] == "invalid_grant"
    assert wlkp.redeem(code).status_code == 200


def test_an_account_locked_meanwhile_gets_nothing(app: Flask, wlkp: RelyingParty, browser: FlaskClient, siti: str) -> None:
    code, given = wlkp.code(browser), wlkp.redeem(wlkp.code(browser)).json
    with app.app_context():
        account = accounts.find(siti)
        assert account is not None
        accounts.lock(account, "test")
    assert wlkp.redeem(code).json["error"] == "invalid_grant"
    assert wlkp.userinfo(given["access_token"]).status_code == 401
    assert wlkp.refresh(given["refresh_token"]).json["error"] == "invalid_grant"


def test_a_refreshed_id_token_keeps_auth_time_and_drops_the_nonce(
    wlkp: RelyingParty, siti: str, sign_in: Callable[..., FlaskClient]
) -> None:
    given = wlkp.redeem(wlkp.code(sign_in(siti, seconds_ago=100))).json
    first, later = wlkp.stated(given["id_token"]), wlkp.stated(wlkp.refresh(given["refresh_token"]).json["id_token"])
    assert (later["auth_time"], later["sub"]) == (first["auth_time"], first["sub"])
    assert "nonce" not in later


def test_a_refresh_may_narrow_the_scope_and_never_widen_it(wlkp: RelyingParty, browser: FlaskClient) -> None:
    given = wlkp.redeem(wlkp.code(browser)).json
    narrow = wlkp.refresh(given["refresh_token"], scope="openid email").json
    assert wlkp.userinfo(narrow["access_token"]).json.keys() == {"sub", "email", "email_verified"}
    assert wlkp.refresh(narrow["refresh_token"], scope="openid phone").json["error"] == "invalid_scope"


def test_the_previous_refresh_token_is_good_for_a_minute_and_deadly_after(wlkp: RelyingParty, browser: FlaskClient) -> None:
    with time_machine.travel(clock.now(), tick=False) as moved:
        first = wlkp.redeem(wlkp.code(browser)).json["refresh_token"]
        second = wlkp.refresh(first).json
        moved.shift(60)
        assert wlkp.refresh(first).status_code == 200
        moved.shift(1)
        assert wlkp.refresh(first).json["error"] == "invalid_grant"
        assert wlkp.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
        assert wlkp.userinfo(second["access_token"]).status_code == 401


@pytest.mark.parametrize("event", ["password", "recovery"])
def test_a_new_password_and_a_recovery_end_every_refresh_token(
    app: Flask, wlkp: RelyingParty, browser: FlaskClient, siti: str, event: str
) -> None:
    given = wlkp.redeem(wlkp.code(browser, scope="openid offline_access")).json
    with app.app_context():
        account = the(siti)
        if event == "password":
            accounts.set_password_hash(account, "another")
        else:
            accounts.recover(account, phone(9), email(9), "another")
    assert wlkp.refresh(given["refresh_token"]).json["error"] == "invalid_grant"
    assert wlkp.userinfo(given["access_token"]).status_code == 401


BASIC = "Authorization"


def test_a_client_proves_itself_in_exactly_one_way(app: Flask, wlkp: RelyingParty) -> None:
    form = {"grant_type": "client_credentials"}

    def post(headers: dict[str, str], **more: str) -> tuple[int, str]:
        response = app.test_client().post("/token", data=form | more, headers=headers)
        return response.status_code, response.json.get("error", "ok")

    assert post(wlkp.basic) == (200, "ok")
    assert post(wlkp.basic, client_id="wlkp") == (200, "ok")
    assert post(wlkp.basic, client_secret=SECRET) == (400, "invalid_request")
    assert post({}, client_id="wlkp", client_secret=SECRET) == (401, "invalid_client")  # registered for basic
    assert post(wlkp.basic, client_id="other") == (401, "invalid_client")
    assert post({}) == (401, "invalid_client")
    assert post({}, client_id="wlkp") == (401, "invalid_client")


@pytest.mark.parametrize(
    "header", ["Basic \xff\xfe", "Basic !!!", "Basic d2xrcA==", "Basic /////w==", "basic", "Basic " + "A" * 9999]
)
def test_a_broken_basic_header_is_invalid_client(app: Flask, wlkp: RelyingParty, header: str) -> None:
    response = app.test_client().post("/token", data={"grant_type": "client_credentials"}, headers={BASIC: header})
    assert (response.status_code, response.json["error"]) == (401, "invalid_client")


def test_the_challenge_comes_with_a_failed_basic(app: Flask, wlkp: RelyingParty) -> None:
    response = app.test_client().post("/token", data={"grant_type": "client_credentials"}, headers={BASIC: "Basic eDp5"})
    assert response.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_public_client_redeems_with_its_verifier_and_cannot_act_for_itself(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    party = register(
        "app", token_endpoint_auth_method="none", client_secret_hash=None, grant_types=("authorization_code", "refresh_token")
    )
    form = {"grant_type": "authorization_code", "code": party.code(browser), "redirect_uri": "https://rp.example/cb"}
    response = app.test_client().post("/token", data=form | {"client_id": "app", "code_verifier": VERIFIER})
    assert response.status_code == 200
    refused = app.test_client().post("/token", data={"grant_type": "client_credentials", "client_id": "app"})
    assert refused.json["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "invalid_request"),
        (b"grant_type=password", "unsupported_grant_type"),
        (b"grant_type=we%22ird%5C%C3%A9", "unsupported_grant_type"),
        (b"grant_type=client_credentials&grant_type=refresh_token", "invalid_request"),
        (b"grant_type=client_credentials&scope=%ff", "invalid_request"),
        (b"grant_type=client_credentials&scope=a%00", "invalid_request"),
        (b"grant_type=authorization_code", "invalid_request"),
        (b"grant_type=authorization_code&code=%C3%A9", "invalid_grant"),
        (b"grant_type=refresh_token", "invalid_request"),
        (b"grant_type=refresh_token&refresh_token=r-x", "invalid_grant"),
        (b"grant_type=client_credentials&scope=unheard-of", "invalid_scope"),
        (b"grant_type=client_credentials&scope=openid", "invalid_scope"),
    ],
)
def test_a_malformed_token_request_is_an_oauth_error(app: Flask, wlkp: RelyingParty, body: bytes, error: str) -> None:
    form = "application/x-www-form-urlencoded"
    response = app.test_client().post("/token", data=body, content_type=form, headers=wlkp.basic)
    assert (response.status_code, response.json["error"]) == (400, error)


def test_parameters_come_from_the_form_only(app: Flask, wlkp: RelyingParty) -> None:
    in_query = app.test_client().post("/token?grant_type=client_credentials", headers=wlkp.basic)
    as_json = app.test_client().post("/token", json={"grant_type": "client_credentials"}, headers=wlkp.basic)
    assert in_query.json["error"] == as_json.json["error"] == "invalid_request"
    assert app.test_client().get("/token").status_code == 405


def test_a_client_acting_for_itself_gets_no_refresh_token_and_no_person(wlkp: RelyingParty) -> None:
    given = wlkp.post("/token", grant_type="client_credentials", scope="api openid").json
    assert given.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert given["scope"] == "api"
    refused = wlkp.userinfo(given["access_token"])
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


def test_a_grant_that_a_client_did_not_register_is_refused(register: Callable[..., RelyingParty]) -> None:
    party = register("code-only", grant_types=("authorization_code",))
    for grant in ("client_credentials", "refresh_token"):
        refused = party.post("/token", grant_type=grant, refresh_token="r-x")
        assert refused.json["error"] == "unauthorized_client"


def test_userinfo_gives_the_claims_of_the_scopes(wlkp: RelyingParty, browser: FlaskClient, siti: str, app: Flask) -> None:
    token = wlkp.redeem(wlkp.code(browser, scope="openid profile email phone")).json["access_token"]
    told = wlkp.userinfo(token).json
    assert told.keys() == {
        "sub",
        "name",
        "locale",
        "updated_at",
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
    }
    assert (told["sub"], told["name"]) == (siti, "Siti Aminah")
    assert isinstance(told["updated_at"], int)
    assert told["phone_number_verified"] is True
    in_body = app.test_client().post("/userinfo", data={"access_token": token})
    assert in_body.json == told


def test_restricted_claims_need_the_entrys_word(
    wlkp: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    scopes = "openid profile nik"
    wanted = '{"userinfo": {"nik": null, "birthdate": {"essential": true}}, "id_token": {"nik": null}}'
    trusted = register("trusted", scope=scopes, claims=("nik", "birthdate"))
    plain = wlkp.redeem(wlkp.code(browser, claims=wanted)).json
    assert wlkp.userinfo(plain["access_token"]).json.keys().isdisjoint({"nik", "birthdate", "gender"})
    given = trusted.redeem(trusted.code(browser, scope="openid profile", claims=wanted)).json
    told = trusted.userinfo(given["access_token"]).json
    assert (told["nik"], told["birthdate"]) == ("9901015505900001", "1990-05-15")
    assert "gender" not in told
    assert trusted.stated(given["id_token"])["nik"] == "9901015505900001"


def test_the_claims_parameter_asks_at_each_place_for_itself(wlkp: RelyingParty, browser: FlaskClient) -> None:
    wanted = '{"userinfo": {"phone_number": null}, "id_token": {"email": {"essential": true}}}'
    given = wlkp.redeem(wlkp.code(browser, scope="openid", claims=wanted)).json
    assert wlkp.userinfo(given["access_token"]).json.keys() == {"sub", "phone_number"}
    stated = wlkp.stated(given["id_token"])
    assert stated["email"] == "siti@example.com"
    assert "phone_number" not in stated


def test_a_pairwise_client_sees_its_own_sub_everywhere(
    register: Callable[..., RelyingParty], browser: FlaskClient, siti: str
) -> None:
    party = register("pairwise", subject_type="pairwise")
    given = party.redeem(party.code(browser)).json
    seen = {
        party.stated(given["id_token"])["sub"],
        party.userinfo(given["access_token"]).json["sub"],
        party.post("/introspect", token=given["access_token"]).json["sub"],
        party.post("/introspect", token=given["refresh_token"]).json["sub"],
    }
    assert len(seen) == 1
    assert siti not in seen


@pytest.mark.parametrize("token", ["", "x", "zz" + "a" * 43, "a" * 45, "é" * 45])
def test_userinfo_refuses_what_is_no_token(wlkp: RelyingParty, token: str) -> None:
    assert wlkp.userinfo(token).status_code == 401


def test_userinfo_takes_one_token_and_none_from_the_query(app: Flask, wlkp: RelyingParty, browser: FlaskClient) -> None:
    given = wlkp.redeem(wlkp.code(browser)).json
    client, token = app.test_client(), given["access_token"]
    bare = client.get("/userinfo")
    assert bare.status_code == 401
    assert bare.headers["WWW-Authenticate"] == "Bearer"
    assert client.get(f"/userinfo?access_token={token}").status_code == 401
    twice = client.post("/userinfo", data={"access_token": token}, headers={BASIC: f"Bearer {token}"})
    assert twice.status_code == 400
    assert wlkp.userinfo(given["id_token"]).status_code == 401


def test_introspection_tells_a_client_about_its_own_tokens_only(
    app: Flask, wlkp: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient, siti: str
) -> None:
    given = wlkp.redeem(wlkp.code(browser)).json
    for hint in (None, "access_token", "refresh_token", "unheard-of"):
        told = wlkp.post("/introspect", token=given["access_token"], token_type_hint=hint).json
        assert (told["active"], told["sub"], told["client_id"], told["scope"]) == (True, siti, "wlkp", "openid profile email")
    assert wlkp.post("/introspect", token=given["refresh_token"]).json["active"] is True
    other = register("other")
    for token in (given["access_token"], given["refresh_token"], given["id_token"], "nonsense"):
        assert other.post("/introspect", token=token).json == {"active": False}
    assert app.test_client().post("/introspect", data={"token": given["access_token"]}).status_code == 401
    assert wlkp.post("/introspect").json["error"] == "invalid_request"


def test_an_open_client_cannot_use_introspection_as_an_oracle(app: Flask, register: Callable[..., RelyingParty]) -> None:
    register("app", token_endpoint_auth_method="none", client_secret_hash=None, grant_types=("authorization_code",))
    refused = app.test_client().post("/introspect", data={"token": "x", "client_id": "app"})
    assert (refused.status_code, refused.json["error"]) == (401, "invalid_client")


def test_revoking_a_refresh_token_takes_its_access_tokens_along(wlkp: RelyingParty, browser: FlaskClient) -> None:
    given = wlkp.redeem(wlkp.code(browser)).json
    assert wlkp.post("/revoke", token=given["refresh_token"], token_type_hint="unheard-of").status_code == 200
    assert wlkp.refresh(given["refresh_token"]).status_code == 400
    assert wlkp.userinfo(given["access_token"]).status_code == 401


def test_revoking_an_access_token_leaves_the_refresh_token(wlkp: RelyingParty, browser: FlaskClient) -> None:
    given = wlkp.redeem(wlkp.code(browser)).json
    assert wlkp.post("/revoke", token=given["access_token"]).status_code == 200
    assert wlkp.userinfo(given["access_token"]).status_code == 401
    assert wlkp.refresh(given["refresh_token"]).status_code == 200


def test_nobody_revokes_the_tokens_of_another(
    wlkp: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    given, other = wlkp.redeem(wlkp.code(browser)).json, register("other")
    for token in (given["access_token"], given["refresh_token"], "nonsense"):
        assert other.post("/revoke", token=token).status_code == 200
    assert wlkp.userinfo(given["access_token"]).status_code == 200
    assert wlkp.refresh(given["refresh_token"]).status_code == 200


def test_the_host_header_never_changes_the_issuer(wlkp: RelyingParty, browser: FlaskClient) -> None:
    response = browser.get(wlkp.url(), headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert "evil" not in response.location


def test_a_token_bound_to_a_key_is_no_bearer_token(app: Flask, wlkp: RelyingParty, siti: str) -> None:
    """H3: shown without proof of its key it opens nothing (RFC 9449 section 7.1), however the proof is to be made."""
    for confirmation, status in (({}, 200), ({"jkt": "a-thumbprint"}, 401), ({"x5t#S256": "a-certificate"}, 401)):
        with app.app_context():
            token, now = access_tokens.new_access_token(siti), clock.timestamp()
            record = access_tokens.AccessToken("wlkp", "openid email", now, now + 600, siti, confirmation=confirmation)
            assert access_tokens.save_access_token(token, record)
        told = wlkp.userinfo(token)
        assert told.status_code == status, confirmation
        assert (b"siti@example.com" in told.data) is (status == 200)
