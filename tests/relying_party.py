"""A relying party that makes and checks state, nonce, PKCE and iss, over real HTTP."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.core import crypto
from tests import loopback
from tests.simple_browser import SimpleBrowser, parameters

DEMO = Path(__file__).resolve().parent.parent / "examples" / "demo.env"
CALLBACKS = {"wlkp": 5001, "jkp": 5002, "pelatihan": 5003}


@dataclass
class Pending:
    """One authorization request on its way."""

    state: str
    nonce: str
    verifier: str


@dataclass
class RelyingParty:
    """A registered client: its own side of the protocol, as its specification asks."""

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str
    scope: str = "openid profile email"
    tokens: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    pending: Pending | None = None

    @classmethod
    def of_demo(cls, issuer: str, client_id: str) -> "RelyingParty":
        """One of the demo services."""
        lines = dict(line.split("=", 1) for line in DEMO.read_text().splitlines() if "=" in line and line[0] != "#")
        redirect_uri = f"http://127.0.0.1:{CALLBACKS[client_id]}/callback"
        return cls(issuer, client_id, lines[f"{client_id.upper()}_CLIENT_SECRET"], redirect_uri)

    def url(self, **extra: str | None) -> str:
        """A fresh authorization request."""
        self.pending = Pending(*(secrets.token_urlsafe(24) for _ in range(2)), secrets.token_urlsafe(48))
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.pending.state,
            "nonce": self.pending.nonce,
            "code_challenge": crypto.digest(self.pending.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?" + urlencode({k: v for k, v in (asked | extra).items() if v is not None})

    def sends(self, browser: SimpleBrowser, **extra: str | None) -> Any:
        """Sends a browser to sign in; the page it ends up on."""
        return browser.open(self.url(**extra))

    def receives(self, browser: SimpleBrowser) -> dict[str, Any]:
        """Takes the browser back: redeems the code, checks everything; the ID token's claims."""
        given = self.answered(browser)
        assert "code" in given, given
        self.redeem(given["code"])
        self.claims = self.verified(self.tokens["id_token"])
        assert self.pending is not None and self.claims["nonce"] == self.pending.nonce
        assert self.claims["at_hash"] == self.half_hash(self.tokens["access_token"])
        return self.claims

    def answered(self, browser: SimpleBrowser) -> dict[str, Any]:
        """The parameters of the answer, its state and issuer checked (RFC 9207)."""
        url = browser.url_of_service
        assert url is not None, f"still at the provider: «{browser.page.heading}» {browser.page.text[:300]}"
        assert url.startswith(self.redirect_uri), url
        given = parameters(url)
        assert self.pending is not None and given["state"] == self.pending.state
        assert given["iss"] == self.issuer
        return given

    def redeem(self, code: str, **extra: str) -> httpx.Response:
        """Redeems a code; `tokens` has what came."""
        assert self.pending is not None
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        response = self.post("/token", **(form | {"code_verifier": self.pending.verifier} | extra))
        if response.status_code == 200:
            self.tokens = response.json()
        return response

    def refresh(self) -> httpx.Response:
        """Uses the refresh token."""
        response = self.post("/token", grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])
        if response.status_code == 200:
            self.tokens |= response.json()
        return response

    def post(self, path: str, **form: str) -> httpx.Response:
        """A call of the client's own, client_secret_basic."""
        return loopback.post(self.issuer + path, data=form, auth=(self.client_id, self.secret))

    def userinfo(self) -> httpx.Response:
        """What the access token gives."""
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return loopback.get(f"{self.issuer}/userinfo", headers=bearer)

    def verified(self, token: str) -> dict[str, Any]:
        """The claims of a token that verifies with the published keys and is meant for this client."""
        keys = KeySet.import_key_set(loopback.get(f"{self.issuer}/jwks.json").json())
        decoded = jwt.decode(token, keys, algorithms=["RS256", "PS256", "ES256", "EdDSA"])
        assert decoded.header["kid"]
        assert decoded.claims["iss"] == self.issuer
        assert decoded.claims["aud"] == self.client_id
        return dict(decoded.claims)

    def logout_url(self, **extra: str) -> str:
        """RP-initiated logout."""
        home = "{0.scheme}://{0.netloc}/".format(urlsplit(self.redirect_uri))
        asked = {"id_token_hint": self.tokens["id_token"], "post_logout_redirect_uri": home, "state": "bye"} | extra
        return f"{self.issuer}/logout?{urlencode(asked)}"

    @staticmethod
    def half_hash(token: str) -> str:
        """`at_hash` for RS256 and ES256 (OpenID Connect Core 3.1.3.6)."""
        return crypto.b64(crypto.sha256(token)[:16])
