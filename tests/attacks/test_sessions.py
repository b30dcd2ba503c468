"""Attacks on sessions and forms: fixation, a copied cookie, posts that another site made the browser send."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.oidc.conftest import RelyingParty as Called
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.simple_browser import Form, SimpleBrowser

SESSION = "idp_session"


@pytest.fixture
def budi(person: Callable[..., Person], service: Callable[..., RelyingParty]) -> Person:
    """Registered, in a browser that has forgotten it."""
    budi = person("Budi")
    service("wlkp").sends(budi.browser, prompt="create")
    budi.registers()
    budi.browser.forget_session()
    return budi


def session_of(browser: SimpleBrowser) -> str:
    return str(browser.client.cookies.get(SESSION, default=""))


def signed_in(issuer: str, cookie: str, service: RelyingParty) -> bool:
    """Whether whoever holds this cookie is let through without a page."""
    thief = SimpleBrowser(issuer)
    thief.client.cookies.set(SESSION, cookie, domain="127.0.0.1")
    service.sends(thief, prompt="none")
    return "code" in service.answered(thief)


def test_the_session_is_another_after_each_sign_in_and_the_old_one_is_dead(
    budi: Person, service: Callable[..., RelyingParty], issuer: str
) -> None:
    wlkp = service("wlkp")
    planted = "ab0123456789abcdefghijkl.planted-by-a-thief-who-knows-it"
    budi.browser.client.cookies.set(SESSION, planted, domain="127.0.0.1")
    wlkp.sends(budi.browser)
    budi.signs_in()
    first = session_of(budi.browser)
    assert first not in ("", planted)
    assert not signed_in(issuer, planted, wlkp)
    assert signed_in(issuer, first, wlkp), "the check itself works"
    wlkp.sends(budi.browser, prompt="login")
    budi.signs_in()
    second = session_of(budi.browser)
    assert second != first
    assert not signed_in(issuer, first, wlkp), "whoever had copied the old cookie has nothing"
    assert signed_in(issuer, second, wlkp)


def test_signing_out_leaves_nothing_to_copy(budi: Person, service: Callable[..., RelyingParty], issuer: str) -> None:
    wlkp = service("wlkp")
    wlkp.sends(budi.browser)
    budi.signs_in()
    budi.at(wlkp)
    copied = session_of(budi.browser)
    budi.browser.open(wlkp.logout_url())
    assert not signed_in(issuer, copied, wlkp)
    assert wlkp.userinfo().status_code == 401


# -- posts that another site made the browser send ------------------------------------------------------------------

FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null", "Sec-Fetch-Site": "same-site"},
]


def forged(browser: SimpleBrowser, form: Form, headers: dict[str, str], **fields: str) -> httpx.Response:
    return browser.send(browser.client.build_request("POST", form.action, data=fields, headers=headers))


def refused(response: httpx.Response) -> None:
    assert response.status_code == 400, response.status_code
    assert SESSION not in response.headers.get("Set-Cookie", "")
    assert "Location" not in response.headers


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_nobody_elses_page_signs_in(budi: Person, service: Callable[..., RelyingParty], headers: dict[str, str]) -> None:
    """Login CSRF: with the form's own token even, a foreign page is not heard."""
    service("wlkp").sends(budi.browser)
    form = budi.page.form("identifier")
    typed = form.fields | {"identifier": budi.nik, "password": budi.password}
    refused(forged(budi.browser, form, headers, **typed))


@pytest.mark.parametrize("token", [None, "", "nonsense", "other"])
def test_no_form_counts_without_its_token(
    budi: Person, service: Callable[..., RelyingParty], issuer: str, token: str | None
) -> None:
    service("wlkp").sends(budi.browser)
    form = budi.page.form("identifier")
    other = SimpleBrowser(issuer)
    service("wlkp").sends(other)
    tokens = {"other": other.page.form("identifier").fields["csrf_token"]}
    fields = {k: v for k, v in form.fields.items() if k != "csrf_token"}
    if token is not None:
        fields["csrf_token"] = tokens.get(token, token)
    fields |= {"identifier": budi.nik, "password": budi.password}
    refused(forged(budi.browser, form, {"Origin": issuer, "Sec-Fetch-Site": "same-origin"}, **fields))


# What clients post, which proves itself, or what only asks; /bahasa has the check of the Origin, and no form of its own.
OPEN = {
    "oidc.authorize", "oidc.token", "oidc.introspect", "oidc.revoke", "oidc.par", "oidc.device_authorization", "oidc.userinfo",
    "oidc.register_client", "oidc.manage_client", "oidc.logout", "pages.language",
    "gateways.delivery_report",  # has a token of its own
}  # fmt: skip


def test_nothing_else_is_posted_without_our_own_page(app: Flask, stranger: Called, browser: FlaskClient) -> None:
    """Every address that takes a form, whoever adds it: refused before its view looks at anything."""
    interaction = urlsplit(browser.get(stranger.url()).location).path.split("/")[2]
    rules = [rule for rule in app.url_map.iter_rules() if {"POST", "PUT", "DELETE"} & (rule.methods or set())]
    guarded = [rule for rule in rules if rule.endpoint not in OPEN]
    assert len(guarded) > 30
    for rule in guarded:
        rule_path = rule.rule.replace("<interaction_id>", interaction)
        path = re.sub(r"<(?:any.(\w+)[^>]*|[^>]+)>", lambda found: found[1] or "x", rule_path)
        for headers in (*FOREIGN, {}):
            response = browser.post(path, data={"csrf_token": "x"}, headers=headers)
            assert (response.status_code, 'data-error="form_expired"' in response.text) == (400, True), (path, headers)
    for headers in FOREIGN:
        response = browser.post("/bahasa", data={"bahasa": "en", "kembali": "https://evil.example/"}, headers=headers)
        assert (response.status_code, response.location) == (400, None)


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_nobody_elses_page_consents(stranger: Called, browser: FlaskClient, decision: str) -> None:
    place = browser.get(stranger.url()).location
    page = browser.get(place).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    for headers in FOREIGN:
        sent = {"decision": decision, "csrf_token": token[1]}
        assert browser.post(place, data=sent, headers=headers).status_code == 400
    assert browser.post(place, data={"decision": decision}).status_code == 400
    assert "Location" not in browser.get(place).headers, "still asked"


def test_nobody_elses_page_signs_out(wlkp: Called, browser: FlaskClient) -> None:
    """Logout CSRF: without a hint the person is asked, and the answer must come from our own page."""
    page = browser.get("/logout").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    for headers in FOREIGN:
        sent = {"confirm": "yes", "csrf_token": token[1]}
        assert browser.post("/logout/confirm", data=sent, headers=headers).status_code == 400
        browser.post("/logout", data=sent, headers=headers)  # the protocol lets any site ask; asking is all it does
    assert browser.post("/logout/confirm", data={"confirm": "yes"}).status_code == 400
    assert wlkp.code(browser, prompt="none"), "still signed in"
