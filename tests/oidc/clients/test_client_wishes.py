"""What a client's entry wishes, each with its effect: classes of sign-in, `auth_time`, a way to begin anew, `sid` at logout."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask, Response
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from idp.core import clock, crypto
from idp.core.values import ACR_DATA, ACR_FULL, ACR_MFA, Authentication
from idp.oidc.clients import registration
from idp.oidc.clients.assertions import ASSERTION_TYPE
from idp.oidc.clients.client import Client
from idp.oidc.device.codes import normalize_user_code
from idp.oidc.logout import back_channel
from idp.sessions import single_sign_on
from idp.web import cookies
from tests.oidc.conftest import CALLBACK, RelyingParty, answer
from tests.simple_browser import Page, onward

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
START = "https://rp.example/start"


@pytest.fixture
def at() -> Any:
    with time_machine.travel(clock.now(), tick=False) as moved:
        yield moved


@pytest.fixture
def twice(app: Flask, siti: str) -> FlaskClient:
    """Siti's browser, signed in with a second factor."""
    with app.test_request_context():
        given = Response()
        single_sign_on.establish(Authentication(siti, ("pwd", "otp", "mfa"), clock.timestamp(), ACR_DATA), given)
        value = given.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        name = cookies.SESSION.name
    browser = app.test_client()
    browser.set_cookie(name, value, domain="localhost")
    return browser


def acr_of(party: RelyingParty, browser: FlaskClient, **asked: str) -> str:
    return str(party.stated(party.redeem(party.code(browser, **asked)).json["id_token"])["acr"])


# -- default_acr_values ------------------------------------------------------------------------------------------------


def test_a_client_hears_the_class_that_it_prefers_without_asking(register: Any, twice: FlaskClient) -> None:
    assert acr_of(register("any"), twice) == ACR_DATA
    assert acr_of(register("surer", default_acr_values=(ACR_MFA, ACR_DATA)), twice) == ACR_MFA


def test_whoever_has_not_reached_it_is_asked_for_the_second_factor(register: Any, browser: FlaskClient) -> None:
    party = register("surer", default_acr_values=(ACR_MFA,))
    assert urlsplit(browser.get(party.url()).location).path.endswith("/login/otp")
    assert acr_of(party, browser, prompt="none") == ACR_DATA, "a wish is no must (OpenID Connect Registration section 2)"


def test_what_a_request_asks_goes_before_what_the_entry_wishes(register: Any, twice: FlaskClient, browser: FlaskClient) -> None:
    party = register("surer", default_acr_values=(ACR_MFA,))
    assert acr_of(party, twice, acr_values=ACR_DATA) == ACR_DATA
    assert acr_of(party, browser, acr_values=ACR_DATA) == ACR_DATA


def test_a_class_that_we_do_not_know_is_a_slip(register: Any) -> None:
    with pytest.raises(ValueError, match=ACR_FULL):
        register("slip", default_acr_values=("urn:siapkerja:acr:full",))


def test_a_program_hears_which_classes_it_got(app: Flask) -> None:
    told = enrolled(app, default_acr_values=["urn:mace:incommon:iap:silver", ACR_MFA])
    assert told["default_acr_values"] == [ACR_MFA]


# -- require_auth_time -------------------------------------------------------------------------------------------------


def test_auth_time_is_in_every_id_token_and_stays_the_same(register: Any, sign_in: Any, siti: str, at: Any) -> None:
    legacy = {"profile": "legacy", "grant_types": ("authorization_code", "refresh_token", "implicit", DEVICE)}
    types = ("code", "id_token", "code id_token")
    party = register("exact", require_auth_time=True, response_types=types, **legacy)
    browser, signed_in_at = sign_in(siti, seconds_ago=100), clock.timestamp() - 100
    given = party.redeem(party.code(browser)).json
    found = [given["id_token"]]
    for kind in types[1:]:
        found.append(parse_qs(urlsplit(browser.get(party.url(response_type=kind)).location).fragment)["id_token"][0])
    at.shift(300)
    found.append(party.refresh(given["refresh_token"]).json["id_token"])
    found.append(by_device(party, browser))
    assert [party.stated(token)["auth_time"] for token in found] == [signed_in_at] * 5


def by_device(party: RelyingParty, browser: FlaskClient) -> str:
    told = party.post("/device_authorization", scope="openid").json
    page = browser.get(f"/device?user_code={told['user_code']}").get_data(as_text=True)
    form = Page("http://localhost/device", 200, page).form("decision")
    sent = browser.post("/device", data=form.fields | {"user_code": normalize_user_code(told["user_code"]), "decision": "allow"})
    while sent.location and "/interaction/" in sent.location:
        sent = browser.get(sent.location)
    given = party.post("/token", grant_type=DEVICE, device_code=told["device_code"])
    assert given.status_code == 200, given.json
    return str(given.json["id_token"])


# -- initiate_login_uri ------------------------------------------------------------------------------------------------


def links(page: Any) -> list[str]:
    return [href for _, href in Page("http://localhost/", 200, page.get_data(as_text=True)).links]


@pytest.mark.parametrize(("uri", "joined"), [(START, "?"), (f"{START}?tenant=1", "&")])
def test_a_page_that_has_expired_leads_back_into_signing_in(app: Flask, register: Any, at: Any, uri: str, joined: str) -> None:
    party, browser = register("again", initiate_login_uri=uri), app.test_client()
    waiting = browser.get(party.url()).location
    at.shift(3600)
    page = browser.get(waiting)
    assert page.status_code == 410
    assert "langsung masuk sekali lagi" in page.get_data(as_text=True)
    (begun,) = [href for href in links(page) if href.startswith(uri)]
    assert begun.startswith(uri + joined)
    # OpenID Connect Core section 4: `iss` REQUIRED; nothing of the person or of the old request goes along.
    assert parse_qs(urlsplit(begun).query)["iss"] == [party.issuer]
    assert set(parse_qs(urlsplit(begun).query)) - {"tenant"} == {"iss"}


def test_a_page_that_was_finished_in_another_tab_does_too(register: Any, browser: FlaskClient) -> None:
    party = register("again", initiate_login_uri=START)
    waiting = browser.get(party.url(prompt="login")).location
    door = waiting.rpartition("/")[0]
    token = Page("http://localhost", 200, browser.get(waiting).get_data(as_text=True)).form("csrf_token").fields["csrf_token"]
    assert browser.post(f"{door}/cancel", data={"csrf_token": token}).status_code == 303
    answer(browser.get(door))
    assert any(href.startswith(START) for href in links(browser.get(door)))


@pytest.mark.parametrize("client_uri", ["https://rp.example/", None])
def test_whoever_has_signed_out_may_sign_in_again(register: Any, browser: FlaskClient, client_uri: str | None) -> None:
    party = register("again", initiate_login_uri=START, client_uri=client_uri)
    hint = party.redeem(party.code(browser)).json["id_token"]
    assert f"{START}?iss=" in "".join(links(browser.get(f"/logout?id_token_hint={hint}", follow_redirects=True)))


def test_a_client_that_has_none_is_not_linked_to(app: Flask, register: Any, at: Any) -> None:
    browser = app.test_client()
    waiting = browser.get(register("none").url()).location
    at.shift(3600)
    assert not any("rp.example" in href for href in links(browser.get(waiting)))


def test_an_address_whose_parameters_nobody_would_read_is_refused(register: Any) -> None:
    with pytest.raises(ValueError, match="fragment"):
        register("bad", initiate_login_uri=f"{START}#now")


# -- ..._logout_session_required ---------------------------------------------------------------------------------------


def test_a_client_that_relies_on_sid_gets_the_one_of_its_id_token(
    app: Flask, register: Any, browser: FlaskClient, siti: str
) -> None:
    wishes = {"backchannel_logout_session_required": True, "frontchannel_logout_session_required": True}
    addresses = {"backchannel_logout_uri": "https://rp.example/b", "frontchannel_logout_uri": "https://rp.example/f"}
    party = register("exact", **wishes, **addresses)
    hint = party.redeem(party.code(browser)).json["id_token"]
    sid = party.stated(hint)["sid"]
    page = browser.get(f"/logout?id_token_hint={hint}").get_data(as_text=True)
    (frame,) = re.findall(r'<iframe[^>]+src="([^"]+)"', page)
    assert parse_qs(urlsplit(unescape(frame)).query) == {"iss": [party.issuer], "sid": [sid]}
    with app.app_context():
        client: Client = app.extensions["idp.clients"].find("exact")
        assert party_stated(app, back_channel.logout_token(client, siti, sid))["sid"] == sid


def party_stated(app: Flask, token: str) -> dict[str, Any]:
    from idp.oidc.tokens import signing_keys

    stated = signing_keys.verify(token, "logout+jwt")
    assert stated is not None
    return stated


@pytest.mark.parametrize("channel", ["backchannel", "frontchannel"])
def test_relying_on_a_notice_that_nobody_is_sent_is_a_slip(register: Callable[..., Any], channel: str) -> None:
    with pytest.raises(ValueError, match=f"add {channel}_logout_uri"):
        register("slip", **{f"{channel}_logout_session_required": True})


def test_a_program_hears_that_it_will_not_be_told(app: Flask) -> None:
    assert enrolled(app, backchannel_logout_session_required=True)["backchannel_logout_session_required"] is False
    addressed = {"backchannel_logout_uri": "https://rp.example/b", "backchannel_logout_session_required": True}
    assert enrolled(app, **addressed)["backchannel_logout_session_required"] is True


def enrolled(app: Flask, **members: Any) -> dict[str, Any]:
    with app.app_context():
        bearer = {"Authorization": f"Bearer {registration.issue_initial_access_token()}"}
    made = app.test_client().post("/register", json={"redirect_uris": [CALLBACK]} | members, headers=bearer)
    assert made.status_code == 201, made.json
    return dict(made.json)


def test_an_app_on_loopback_gets_no_code_in_silence(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    """S21: any program of the machine can listen on a port (RFC 8252 section 8.6): a page comes before the code, each time."""
    app = register("app", application_type="native", redirect_uris=("http://127.0.0.1/cb", "id.go.example.app:/cb"))
    for port in (4711, 4712):
        to = f"http://127.0.0.1:{port}/cb"
        asked = browser.get(app.url(redirect_uri=to))
        assert asked.location.startswith("/interaction/") and asked.location.endswith("/consent")
        page = browser.get(asked.location).get_data(as_text=True)
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        answered = browser.post(asked.location, data={"csrf_token": token, "decision": "allow"})
        assert "code=" in onward(browser.get(answered.location))
        assert "error=consent_required" in browser.get(app.url(redirect_uri=to, prompt="none")).location
    assert "code=" in browser.get(app.url(redirect_uri="id.go.example.app:/cb")).location


def test_lasting_access_is_promised_to_nobody_who_cannot_have_it(
    register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    """R8: without the refresh grant offline_access is left out: nothing is asked about it, and nothing outlives the session."""
    for grants, lasting in ((("authorization_code",), False), (("authorization_code", "refresh_token"), True)):
        party = register("third", first_party=False, grant_types=grants)
        door = browser.get(party.url(scope="openid offline_access", prompt="consent")).location
        page = browser.get(door).get_data(as_text=True)
        assert ("saat Anda tidak sedang membukanya" in page) is lasting
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        answered = browser.post(door, data={"csrf_token": token, "decision": "allow"})
        given = party.redeem(answer(browser.get(answered.location))["code"]).json
        assert ("offline_access" in given["scope"].split()) is lasting
        assert ("refresh_token" in given) is lasting


def test_an_assertion_is_made_out_to_the_issuer_unless_the_entry_says_otherwise(
    register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    """S21: one made out to an endpoint, or to several servers, could be sent on by another of them."""
    key = ECKey.generate_key("P-256")
    jwks = {"keys": [key.as_dict(private=False)]}
    for said, accepted in ((None, {"issuer"}), ("endpoint", {"issuer", "token", "both"})):
        entry = {"assertion_audience": said} if said else {}
        party = register("strict", token_endpoint_auth_method="private_key_jwt", client_secret_hash=None, jwks=jwks, **entry)
        token = f"{party.issuer}/token"
        for name, audience in (("issuer", party.issuer), ("token", token), ("both", [party.issuer, "https://other.example"])):
            now = clock.timestamp()
            claims = {"iss": "strict", "sub": "strict", "aud": audience, "exp": now + 60, "jti": crypto.random_token()}
            form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": jwt.encode({"alg": "ES256"}, claims, key)}
            answered = party.app.test_client().post("/token", data=form | {"grant_type": "client_credentials"})
            assert (answered.status_code == 200) is (name in accepted), (said, name, answered.json)
