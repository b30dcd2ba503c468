"""The conformance suite's side: a client of a given flow, a browser driven through the pages, what every answer must hold."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from idp.core import clock, crypto
from tests import loopback
from tests.person import Person
from tests.simple_browser import Page, SimpleBrowser

CALLBACK = "https://suite.example/callback"
SECRET = "a-secret-of-the-suite-with-more-than-32-characters"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]


@dataclass(frozen=True)
class Flow:
    """One variant of the suite's plans: a response type, answered in its default mode or by form_post."""

    response_type: str = "code"
    form_post: bool = False

    def has(self, part: str) -> bool:
        """Whether the authorization endpoint answers with this."""
        return part in self.response_type.split()

    @property
    def mode(self) -> str:
        """How the answer must come."""
        return "form_post" if self.form_post else "query" if self.response_type == "code" else "fragment"

    def __str__(self) -> str:
        return self.response_type.replace(" ", "+") + (":form_post" if self.form_post else "")


CODE = Flow()
HYBRID = [Flow("code id_token"), Flow("code token"), Flow("code id_token token")]
IMPLICIT = [Flow("id_token"), Flow("id_token token")]
FLOWS = [CODE, *HYBRID, *IMPLICIT, *(Flow(f.response_type, True) for f in [CODE, *HYBRID, *IMPLICIT])]
WITH_CODE = [f for f in FLOWS if f.has("code")]
WITH_ACCESS_TOKEN = [f for f in FLOWS if f.response_type != "id_token"]


@dataclass
class Result:
    """What a finished flow gave, verified: claims of the ID token (from the token endpoint where there is one)."""

    claims: dict[str, Any]
    id_token: str
    access_token: str
    response: dict[str, Any] = field(default_factory=dict)
    code: str = ""


@dataclass
class SuiteClient:
    """A relying party as the suite plays it; `seen` names the pages that the person was shown since the last request."""

    issuer: str
    client_id: str
    person: Person
    flow: Flow = CODE
    redirect_uri: str = CALLBACK
    scope: str = "openid"
    seen: list[str] = field(default_factory=list)
    state: str = ""
    nonce: str = ""

    @property
    def browser(self) -> SimpleBrowser:
        """The person's browser."""
        return self.person.browser

    def asks(self, **extra: str | None) -> dict[str, str]:
        """The parameters of a fresh authorization request; None leaves one out."""
        self.state, self.nonce = secrets.token_urlsafe(96), secrets.token_urlsafe(48)  # 128 and 64 characters
        asked: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": self.flow.response_type,
            "response_mode": "form_post" if self.flow.form_post else None,
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
        }
        return {name: value for name, value in (asked | extra).items() if value is not None}

    def url(self, **extra: str | None) -> str:
        """The address of a fresh authorization request."""
        return f"{self.issuer}/authorize?{urlencode(self.asks(**extra))}"

    def sends(self, browser: SimpleBrowser | None = None, **extra: str | None) -> Page:
        """Opens the authorization request; the page that the person gets."""
        self.seen = []
        return (browser or self.browser).open(self.url(**extra))

    def drives(self, browser: SimpleBrowser | None = None) -> None:
        """Does what the pages ask: signs in, allows."""
        used = browser or self.browser
        for _ in range(4):
            fields = {name for form in used.page.forms for name in [*form.fields, *(b for b, _ in form.buttons)]}
            if {"identifier", "password"} <= fields:
                self.seen.append("login")
                used.submit(identifier=self.person.nik, password=self.person.password)
            elif "decision" in fields:
                self.seen.append("consent")
                used.submit(button=("decision", "allow"))
            else:
                return

    def authorizes(self, browser: SimpleBrowser | None = None, **extra: str | None) -> dict[str, str]:
        """A request, through the pages, to its answer."""
        self.sends(browser, **extra)
        self.drives(browser)
        return self.answered(browser)

    def answered(self, browser: SimpleBrowser | None = None) -> dict[str, str]:
        """The answer's parameters, come in the right mode to the right address with state and issuer (RFC 9207)."""
        given = getattr(self, f"_in_{self.flow.mode}")(browser or self.browser)
        assert given.pop("state", None) == self.state
        assert given.pop("iss") == self.issuer
        return dict(given)

    def _arrived(self, browser: SimpleBrowser, separator: str) -> dict[str, str]:
        url = browser.url_of_service
        assert url is not None, f"still at the provider: «{browser.page.heading}» {browser.page.error} {browser.page.text[:200]}"
        joined = "&" if separator == "?" and urlsplit(self.redirect_uri).query else separator
        assert url.startswith(self.redirect_uri + joined), url
        return dict(parse_qsl(url.removeprefix(self.redirect_uri + joined), strict_parsing=True))

    def _in_query(self, browser: SimpleBrowser) -> dict[str, str]:
        assert "#" not in str(browser.url_of_service)
        return self._arrived(browser, "?")

    def _in_fragment(self, browser: SimpleBrowser) -> dict[str, str]:
        return self._arrived(browser, "#")

    def _in_form_post(self, browser: SimpleBrowser) -> dict[str, str]:
        (form,) = browser.page.forms
        assert (browser.page.status, form.method, form.action) == (200, "post", self.redirect_uri)
        assert browser.last is not None
        assert "no-store" in browser.last.headers["Cache-Control"]
        return dict(form.fields)

    def completes(self, given: dict[str, str]) -> Result:
        """Checks what came through the browser, redeems the code if there is one, checks what that gives."""
        assert "error" not in given, given
        front = self.checks_front(given)
        if not self.flow.has("code"):
            return Result(front, given["id_token"], given.get("access_token", ""))
        told = self.redeems(given["code"])
        assert told.status_code == 200, told.text
        body = told.json()
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] > 0
        assert "no-store" in told.headers["Cache-Control"]
        claims = self.verified(body["id_token"])
        assert claims.get("nonce") == (self.nonce or None)
        assert claims["at_hash"] == half_hash(body["access_token"])
        if front:  # OpenID Connect Core 3.3.3.6
            assert (front["iss"], front["sub"]) == (claims["iss"], claims["sub"])
        return Result(claims, body["id_token"], body["access_token"], body, given["code"])

    def checks_front(self, given: dict[str, str]) -> dict[str, Any]:
        """Exactly what the response type promises is there, and bound together; the ID token's claims."""
        for part, name in (("code", "code"), ("token", "access_token"), ("id_token", "id_token")):
            assert (name in given) == self.flow.has(part), given.keys()
        if self.flow.has("token"):
            assert given["token_type"] == "Bearer"
            assert int(given["expires_in"]) > 0
        if not self.flow.has("id_token"):
            return {}
        claims = self.verified(given["id_token"])
        assert claims["nonce"] == self.nonce
        assert claims.get("c_hash") == (half_hash(given["code"]) if self.flow.has("code") else None)
        assert claims.get("at_hash") == (half_hash(given["access_token"]) if self.flow.has("token") else None)
        return claims

    def signs_in(self, browser: SimpleBrowser | None = None, **extra: str | None) -> Result:
        """The whole flow."""
        return self.completes(self.authorizes(browser, **extra))

    def redeems(self, code: str, **extra: str) -> httpx.Response:
        """The token endpoint, client_secret_basic."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri} | extra
        return self.calls("/token", **form)

    def calls(self, path: str, **form: str) -> httpx.Response:
        """A call of the client's own."""
        return loopback.post(self.issuer + path, data=form, auth=(self.client_id, SECRET))

    def userinfo(self, access_token: str) -> httpx.Response:
        """By GET, the token in the header."""
        return loopback.get(f"{self.issuer}/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def verified(self, token: str) -> dict[str, Any]:
        """The claims of an ID token that holds (OpenID Connect Core 3.1.3.7)."""
        keys = KeySet.import_key_set(loopback.get(f"{self.issuer}/jwks.json").json())
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        assert decoded.header["kid"]
        claims = dict(decoded.claims)
        assert claims["iss"] == self.issuer
        assert claims["aud"] == self.client_id
        assert claims["sub"].isascii()
        assert 0 < len(claims["sub"]) <= 255
        assert claims["iat"] < claims["exp"]
        return claims


def half_hash(value: str) -> str:
    """at_hash and c_hash for a 256-bit algorithm."""
    return crypto.b64(crypto.sha256(value)[:16])


def screenshot(page: Page, error: str | None = None) -> None:
    """What the suite has a person confirm with a screenshot: an error page of ours, with a reference to quote."""
    assert page.status in (400, 401, 403), page.status
    assert page.error == (error or page.error or "an error code")


def assertion(client: SuiteClient, key: RSAKey | OctKey, alg: str, audience: object) -> dict[str, str]:
    """The members by which a client proves itself with a JWT."""
    now = clock.timestamp()
    claims = {"iss": client.client_id, "sub": client.client_id, "aud": audience, "iat": now, "exp": now + 60}
    token = jws.serialize_compact({"alg": alg}, json.dumps(claims | {"jti": crypto.random_token()}), key)
    return {"client_assertion_type": ASSERTION, "client_assertion": token}


@dataclass
class Shelf:
    """Documents of a client's, by path."""

    origin: str
    bodies: dict[str, str] = field(default_factory=dict)

    def put(self, body: str, path: str = "/request.jwt") -> str:
        """Where this body can be fetched from now on."""
        self.bodies[path] = body
        return self.origin + path


@contextmanager
def shelf() -> Iterator[Shelf]:
    """A little server of a client's, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = found.bodies[self.path].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Shelf(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
