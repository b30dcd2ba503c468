"""A relying party's side of the protocol, and a browser in which Siti is signed in: no page of a room is needed for it."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import accounts
from idp.core import clock, crypto
from idp.core.values import ACR_DATA, Authentication, EmailAddress, FullName, Nik, PhoneNumber
from idp.oidc.clients.client import Client, hash_secret
from idp.oidc.clients.directory import ClientDirectory
from idp.oidc.tokens import signing_keys
from idp.sessions import single_sign_on
from idp.web import cookies
from tests.account_rows import a_row
from tests.simple_browser import onward

CALLBACK = "https://rp.example/cb"
SECRET = "a-secret-of-more-than-thirty-two-characters"
VERIFIER = "v" * 64
EVERYTHING = ("authorization_code", "refresh_token", "client_credentials")


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """One client and its calls; answers come back raw, so that each test says what it expects."""

    app: Flask
    id: str

    @property
    def issuer(self) -> str:
        return str(self.app.extensions["idp.settings"].issuer)

    @property
    def basic(self) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{self.id}:{SECRET}".encode()).decode()}

    def url(self, **changes: str | None) -> str:
        asked = {
            "client_id": self.id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": crypto.digest(VERIFIER),
            "code_challenge_method": "S256",
        } | changes
        return "/authorize?" + urlencode({name: value for name, value in asked.items() if value is not None})

    def code(self, browser: FlaskClient, **changes: str | None) -> str:
        return answer(browser.get(self.url(**changes)))["code"]

    def redeem(self, code: str, **changes: str | None) -> TestResponse:
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER} | changes
        return self.post("/token", **sent)

    def refresh(self, token: str, **more: str) -> TestResponse:
        return self.post("/token", grant_type="refresh_token", refresh_token=token, **more)

    def post(self, path: str, **form: str | None) -> TestResponse:
        sent = {name: value for name, value in form.items() if value is not None}
        return self.app.test_client().post(path, data=sent, headers=self.basic)

    def stated(self, id_token: str) -> dict[str, Any]:
        """The claims of an ID token that our keys signed."""
        with self.app.app_context():
            claims = signing_keys.verify(id_token)
        assert claims is not None
        return claims

    def userinfo(self, token: str) -> TestResponse:
        return self.app.test_client().get("/userinfo", headers={"Authorization": f"Bearer {token}"})


def answer(response: TestResponse) -> dict[str, str]:
    """The parameters of an answer in the query; fails when nothing leads to the client."""
    address = onward(response)
    assert address.startswith(CALLBACK + "?"), response.get_data(as_text=True)
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


@pytest.fixture
def register(app: Flask) -> Callable[..., RelyingParty]:
    """Registers a client; its entry is a first-party one with everything unless told otherwise."""
    directory: ClientDirectory = app.extensions["idp.clients"]

    def registered(client_id: str, **changes: Any) -> RelyingParty:
        entry: dict[str, Any] = {
            "client_id": client_id,
            "client_name": "Wajib Lapor",
            "redirect_uris": (CALLBACK,),
            "post_logout_redirect_uris": ("https://rp.example/out",),
            "grant_types": EVERYTHING,
            "scope": "openid profile email phone offline_access api",
            "client_secret_hash": hash_secret(SECRET),
            "first_party": True,
        } | changes
        directory.known[client_id] = Client.model_validate({k: v for k, v in entry.items() if v is not None})
        return RelyingParty(app, client_id)

    return registered


@pytest.fixture
def wlkp(register: Callable[..., RelyingParty]) -> RelyingParty:
    return register("wlkp")


@pytest.fixture
def stranger(register: Callable[..., RelyingParty]) -> RelyingParty:
    """A third party: it needs consent."""
    return register("stranger", first_party=False)


@pytest.fixture
def siti(app: Flask) -> str:
    """Her subject. No context stays open: requests would share its `g`."""
    with app.app_context():
        nik, phone = Nik.parse("9901015505900001"), PhoneNumber.parse("081234562797")
        account = accounts.create(nik, FullName.parse("Siti Aminah"), phone, EmailAddress.parse("siti@example.com"), "none")
        return account.subject


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., FlaskClient]:
    """A browser with a session of this account."""

    def signed_in(subject: str, seconds_ago: int = 0, acr: str = ACR_DATA) -> FlaskClient:
        with app.test_request_context():
            given = Response()
            if accounts.find(subject) is None:
                a_row(subject)
            proved = Authentication(subject, ("pwd",), clock.timestamp() - seconds_ago, acr)
            single_sign_on.establish(proved, given)
            cookie = given.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
            name = cookies.SESSION.name
        browser = app.test_client()
        browser.set_cookie(name, cookie, domain="localhost")
        return browser

    return signed_in


@pytest.fixture
def browser(siti: str, sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(siti)
