"""Attacks on what pages show and who may show them: markup, framing, a lying Host header."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.oidc.conftest import RelyingParty

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}${7*7}"
NEVER = re.compile(r"<script>alert|<img src=x|>49<|\$49")


NAMES = [
    "login_hint", "state", "ui_locales", "scope", "client_id", "response_type", "redirect_uri", "nonce", "prompt", "display",
    "max_age", "acr_values", "claims", "claims_locales", "code_challenge", "code_challenge_method", "id_token_hint", "request",
    "request_uri", "resource", "response_mode", "registration", "iss", "error", "error_description",
]  # fmt: skip
ELSEWHERE = [
    "user_code",
    "post_logout_redirect_uri",
    "logout_hint",
    "back",
    "kembali",
    "code",
    "token",
    "grant_type",
    "client_secret",
]


@pytest.mark.parametrize("name", NAMES)
def test_markup_in_a_parameter_stays_text(wlkp: RelyingParty, app: Flask, name: str) -> None:
    visitor = app.test_client()
    response = visitor.get(wlkp.url(**{name: MARKUP}), follow_redirects=False)
    while response.status_code == 303 and response.location.startswith("/"):
        response = visitor.get(response.location)
    assert not NEVER.search(response.get_data(as_text=True))
    assert "<script" not in response.headers.get("Location", "")
    assert "\n" not in response.headers.get("Location", "")


def test_markup_in_any_address_stays_text(app: Flask, browser: FlaskClient) -> None:
    """Every address we have, whoever adds it: in its path, in every parameter, as the name of one, and in what is posted."""
    everything = dict.fromkeys([*NAMES, *ELSEWHERE, MARKUP], MARKUP)
    for rule in app.url_map.iter_rules():
        path = re.sub("<[^>]+>", quote(MARKUP, safe=""), rule.rule)
        for visitor in (browser, app.test_client()):
            answers = [visitor.get(f"{path}?{urlencode(everything)}"), visitor.get(path), visitor.post(path, data=everything)]
            answers.append(visitor.get(path, headers={"Accept-Language": MARKUP, "User-Agent": MARKUP, "Referer": MARKUP}))
            for response in answers:
                assert not NEVER.search(response.text), path
                assert "<script" not in str(response.headers), path
                assert response.status_code != 500, path


def test_markup_in_an_entry_stays_text(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    party = register("shop", client_name=MARKUP, first_party=False)
    page = browser.get(browser.get(party.url()).location).get_data(as_text=True)
    assert "alert(1)" in page, "it is shown"
    assert not NEVER.search(page), "as what it is"


def test_markup_in_a_form_stays_text(wlkp: RelyingParty, app: Flask) -> None:
    visitor = app.test_client()
    place = visitor.get(wlkp.url()).location
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get(place).get_data(as_text=True))
    assert token is not None
    sent = {"identifier": MARKUP, "password": MARKUP, "csrf_token": token[1]}
    page = visitor.post(place, data=sent).get_data(as_text=True)
    assert "alert(1)" in page, "what was typed is still there"
    assert not NEVER.search(page)


def test_form_post_holds_only_what_was_sent(wlkp: RelyingParty, browser: FlaskClient) -> None:
    page = browser.get(wlkp.url(response_mode="form_post", state=MARKUP)).get_data(as_text=True)
    assert not NEVER.search(page)
    assert "&lt;script&gt;" in page


PAGES = [
    "/", "/interaction/x/login", "/authorize", "/logout", "/device", "/privasi", "/syarat", "/bukan-saya", "/dev/outbox",
    "/recovery/veto/x", "/account", "/account/identity", "/account/sessions", "/account/password", "/account/signed-out", "/nowhere",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_no_page_runs_a_foreign_script_or_shows_in_a_foreign_frame(browser: FlaskClient, path: str) -> None:
    nobody_elses(browser.get(path))


def test_neither_does_one_on_the_way_to_a_service(
    wlkp: RelyingParty, stranger: RelyingParty, app: Flask, browser: FlaskClient
) -> None:
    visitor = app.test_client()
    login = visitor.get(wlkp.url()).location
    for path in ("/login", "/register", "/recover", "/recover/phone", "/recover/email", "/recover/identity"):
        nobody_elses(visitor.get(login.removesuffix("/login") + path))
    nobody_elses(browser.get(browser.get(stranger.url()).location))


def nobody_elses(response: TestResponse) -> None:
    """A page that nobody else has a hand in."""
    assert response.mimetype == "text/html"
    policy = response.headers["Content-Security-Policy"]
    scripts = re.search(r"script-src ([^;]+)", policy)
    assert scripts is not None and "unsafe" not in policy and "*" not in scripts[1]
    assert "default-src 'none'" in policy and "base-uri 'none'" in policy
    assert policy.endswith("form-action 'self'"), "no form of ours ends anywhere but here"
    assert "frame-ancestors 'none'" in policy and response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer", "no address of ours reaches another site"
    assert response.headers["Cache-Control"] == "no-store"
    inline = re.findall(r"<(?:script|style)(?![^>]*(?:src=|nonce=))[^>]*>", response.get_data(as_text=True))
    assert inline == []
    assert not re.search(r"\son[a-z]+=|style=|javascript:", response.get_data(as_text=True))


LIES: list[dict[str, Any]] = [
    {"Host": "evil.example"},
    {"X-Forwarded-Host": "evil.example"},
    {"Forwarded": "host=evil.example;proto=https"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil"},
    {"X-Original-URL": "https://evil.example/", "X-Rewrite-URL": "/evil"},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: "-".join(lie))
def test_no_header_changes_who_we_are(wlkp: RelyingParty, app: Flask, browser: FlaskClient, lie: dict[str, str]) -> None:
    assert app.test_client().get("/.well-known/openid-configuration", headers=lie).json["issuer"] == wlkp.issuer
    visitor = app.test_client()
    response = visitor.get(wlkp.url(), headers=lie)
    assert "evil" not in response.location
    assert "evil" not in visitor.get(urlsplit(response.location).path, headers=lie).get_data(as_text=True)
    code = wlkp.code(browser)
    assert wlkp.stated(wlkp.redeem(code).json["id_token"])["iss"] == wlkp.issuer
