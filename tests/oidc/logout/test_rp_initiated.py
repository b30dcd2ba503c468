"""Logout asked for by a relying party: asked back when unsure, and never a redirect that nobody vouches for."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.accounts import Account
from idp.oidc.logout import back_channel
from idp.sessions import single_sign_on
from idp.storage.database import db
from idp.storage.redis_store import store
from tests.oidc.conftest import RelyingParty, answer
from tests.simple_browser import onward

OUT = "https://rp.example/out"


def hint(party: RelyingParty, browser: FlaskClient) -> str:
    return str(party.redeem(party.code(browser)).json["id_token"])


def logout(browser: FlaskClient, **asked: str) -> TestResponse:
    return browser.get("/logout?" + urlencode(asked))


def signed_in(party: RelyingParty, browser: FlaskClient) -> bool:
    return "code" in answer(browser.get(party.url(prompt="none")))


def confirm(browser: FlaskClient, page: TestResponse, say: str) -> TestResponse:
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.get_data(as_text=True)))
    assert 'name="confirm"' in page.get_data(as_text=True)
    return browser.post("/logout/confirm", data=fields | {"confirm": say})


def test_a_valid_hint_signs_out_and_goes_back_with_the_state(wlkp: RelyingParty, browser: FlaskClient) -> None:
    response = logout(browser, id_token_hint=hint(wlkp, browser), post_logout_redirect_uri=OUT, state="s t")
    assert response.status_code == 303
    assert response.location == OUT + "?state=s+t"
    assert not signed_in(wlkp, browser)


def test_tokens_end_with_the_session_unless_they_are_offline(wlkp: RelyingParty, browser: FlaskClient) -> None:
    online = wlkp.redeem(wlkp.code(browser)).json
    offline = wlkp.redeem(wlkp.code(browser, scope="openid offline_access")).json
    logout(browser, id_token_hint=online["id_token"])
    assert wlkp.userinfo(online["access_token"]).status_code == 401
    assert wlkp.refresh(online["refresh_token"]).status_code == 400
    assert wlkp.userinfo(offline["access_token"]).status_code == 200
    assert wlkp.refresh(offline["refresh_token"]).status_code == 200


def test_refresh_tokens_end_with_the_session_in_sql_too(app: Flask, wlkp: RelyingParty, browser: FlaskClient) -> None:
    """H3: the mark of an ended session lives for an hour; a refresh token that only the mark held back would rise again."""
    online = wlkp.redeem(wlkp.code(browser)).json
    offline = wlkp.redeem(wlkp.code(browser, scope="openid offline_access")).json
    logout(browser, id_token_hint=online["id_token"])
    with app.app_context():
        marks = store().redis.keys("ended:*")
        assert marks
        store().redis.delete(*marks)
    assert wlkp.post("/introspect", token=online["refresh_token"]).json == {"active": False}
    assert wlkp.refresh(online["refresh_token"]).json["error"] == "invalid_grant"
    assert wlkp.refresh(offline["refresh_token"]).status_code == 200


def test_without_a_hint_the_person_is_asked_and_may_stay(wlkp: RelyingParty, browser: FlaskClient) -> None:
    page = logout(browser)
    assert page.status_code == 200
    assert signed_in(wlkp, browser)
    confirm(browser, page, "no")
    assert signed_in(wlkp, browser)
    assert "Anda sudah keluar" in confirm(browser, logout(browser), "yes").get_data(as_text=True)
    assert not signed_in(wlkp, browser)


def test_confirming_needs_a_token_of_this_browser_and_our_origin(wlkp: RelyingParty, browser: FlaskClient) -> None:
    assert browser.post("/logout/confirm", data={"confirm": "yes"}).status_code == 400
    assert browser.post("/logout", data={"confirm": "yes"}).status_code == 303
    assert signed_in(wlkp, browser)


@pytest.mark.parametrize(
    "asked",
    [
        {"post_logout_redirect_uri": OUT},
        {"post_logout_redirect_uri": OUT + "/", "client_id": "wlkp"},
        {"post_logout_redirect_uri": OUT, "client_id": "nobody"},
        {"post_logout_redirect_uri": OUT, "id_token_hint": "a.b.c"},
        {"post_logout_redirect_uri": OUT, "id_token_hint": "a.b.c", "client_id": "wlkp"},
    ],
)
def test_nothing_is_followed_without_a_valid_hint(wlkp: RelyingParty, browser: FlaskClient, asked: dict[str, str]) -> None:
    response = confirm(browser, logout(browser, **asked), "yes")
    assert (response.status_code, response.location) == (200, None)


@pytest.mark.parametrize(
    "uri", [OUT + "/", OUT + "?x=1", "https://evil.example/", "javascript:alert(1)", "https://RP.example/out"]
)
def test_only_a_registered_address_is_followed(wlkp: RelyingParty, browser: FlaskClient, uri: str) -> None:
    """C3: the person is asked, signed out, and told the fault on an error page."""
    page = logout(browser, id_token_hint=hint(wlkp, browser), post_logout_redirect_uri=uri)
    assert (page.status_code, page.location) == (200, None)
    assert signed_in(wlkp, browser)
    response = confirm(browser, page, "yes")
    told = response.get_data(as_text=True)
    assert (response.status_code, response.location) == (400, None)
    assert 'data-error="invalid_request"' in told
    assert "post_logout_redirect_uri is not registered" in told
    assert "Anda sudah keluar" in told
    assert uri not in told
    assert not signed_in(wlkp, browser)


@pytest.mark.parametrize("alg", ["foreign", "none"])
def test_a_forged_hint_neither_signs_out_nor_redirects(wlkp: RelyingParty, browser: FlaskClient, alg: str) -> None:
    real = hint(wlkp, browser)
    head, body, _ = real.split(".")
    forged = f"eyJhbGciOiJub25lIn0.{body}."
    if alg == "foreign":
        forged = jwt.encode({"alg": "RS256"}, {"aud": "wlkp", "auth_time": 1}, RSAKey.generate_key(2048), ["RS256"])
    response = logout(browser, id_token_hint=forged, post_logout_redirect_uri=OUT)
    assert response.location is None
    assert signed_in(wlkp, browser)


def test_a_client_id_that_is_not_the_hints_audience_is_not_believed(
    wlkp: RelyingParty, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    register("other")
    mine = hint(wlkp, browser)
    response = logout(browser, id_token_hint=mine, client_id="other", post_logout_redirect_uri=OUT)
    assert response.location is None
    assert signed_in(wlkp, browser)


def test_somebody_elses_hint_asks_first(wlkp: RelyingParty, browser: FlaskClient, sign_in: Callable[..., FlaskClient]) -> None:
    other = sign_in("somebody-else")
    page = logout(other, id_token_hint=hint(wlkp, browser), post_logout_redirect_uri=OUT)
    assert page.location is None
    assert signed_in(wlkp, other)


def test_without_a_session_nobody_is_asked_anything(app: Flask, wlkp: RelyingParty, browser: FlaskClient) -> None:
    mine = hint(wlkp, browser)
    fresh = app.test_client()
    assert "Anda sudah keluar" in logout(fresh).get_data(as_text=True)
    assert logout(fresh, id_token_hint=mine, post_logout_redirect_uri=OUT).location == OUT


def test_a_post_from_the_clients_site_goes_on_as_a_get(wlkp: RelyingParty, browser: FlaskClient) -> None:
    form = {"id_token_hint": hint(wlkp, browser), "post_logout_redirect_uri": OUT}
    foreign = {"Origin": "https://rp.example", "Sec-Fetch-Site": "cross-site"}
    response = browser.post("/logout", data=form, headers=foreign)
    assert response.status_code == 303
    assert response.location.startswith("/logout?")
    assert browser.get(response.location).location == OUT


def test_a_registered_address_is_followed_once_the_person_has_confirmed(wlkp: RelyingParty, browser: FlaskClient) -> None:
    """R5: RP-Initiated Logout 1.0 section 3: with client_id and without a hint, it is the person who vouches."""
    page = logout(browser, client_id="wlkp", post_logout_redirect_uri=OUT, state="s t")
    assert (page.status_code, page.location) == (200, None)
    assert page.headers["Content-Security-Policy"].endswith("form-action 'self'")
    response = confirm(browser, page, "yes")
    assert (response.status_code, onward(response)) == (200, OUT + "?state=s+t")
    assert not signed_in(wlkp, browser)


def test_where_nobody_is_signed_in_nobody_is_sent_anywhere_without_a_hint(wlkp: RelyingParty, app: Flask) -> None:
    """R5: there is nothing to confirm, and nobody vouches for who asks."""
    response = logout(app.test_client(), client_id="wlkp", post_logout_redirect_uri=OUT)
    assert (response.status_code, response.location) == (200, None)


def test_whoever_stays_is_sent_nowhere(wlkp: RelyingParty, browser: FlaskClient) -> None:
    """R5: a no is a no, also about the address."""
    response = confirm(browser, logout(browser, client_id="wlkp", post_logout_redirect_uri=OUT), "no")
    assert (response.status_code, response.location) == (200, None)
    assert signed_in(wlkp, browser)


def test_sid_is_for_clients_that_hear_of_a_logout(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    """C4: whoever registered no such address meets the `sid` nowhere again."""
    plain = register("plain")
    told = register("told", frontchannel_logout_uri="https://rp.example/told")
    assert "sid" not in plain.stated(hint(plain, browser))
    sid = told.stated(hint(told, browser))["sid"]
    assert f"sid={sid}" in logout(browser, id_token_hint=hint(told, browser)).get_data(as_text=True)


def test_two_sectors_cannot_compare_their_sid(app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    """S16: one browser's session has another `sid` for each pairwise sector, the same at every sign-in, and in each notice."""
    pairwise = {"subject_type": "pairwise", "frontchannel_logout_uri": "https://rp.example/told"}
    one, two = register("one", **pairwise), register("two", **pairwise, sector="other.example")
    sids = [party.stated(hint(party, browser))["sid"] for party in (one, two, one)]
    assert sids[0] == sids[2] != sids[1]
    with app.app_context():
        client, other = (app.extensions["idp.clients"].find(name) for name in ("one", "two"))
        session = single_sign_on.of_account(_subject(app))[0]["sid"]
        assert session not in sids
        assert one.stated(back_channel.logout_token(client, "s", session))["sid"] == sids[0]
        assert two.stated(back_channel.logout_token(other, "s", session))["sid"] == sids[1]
    told = logout(browser, id_token_hint=hint(one, browser)).get_data(as_text=True)
    assert sids[0] in told
    assert sids[1] in told
    assert session not in told


def _subject(app: Flask) -> str:
    with db.engine.connect() as connection:
        return str(connection.scalar(select(Account.subject)))
