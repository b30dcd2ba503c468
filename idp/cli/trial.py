"""A sign-in walked step by step for an operator: what the provider answers to a client, and what to do when it refuses."""

import json
import re
from base64 import b64encode
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import parse_qs, quote_plus, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPErrorProcessor, OpenerDirector, Request, build_opener

from idp.cli import OperatorError
from idp.core import crypto

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

TIMEOUT = 15  # seconds
MOST_PAGES = 10
NO_CODE = "00" + "x" * 43  # a code that nobody issued
LEAVING = r'http-equiv="refresh" content="0; url=([^"]+)"'
HIDDEN = re.compile(r'<input[^>]*name="csrf_token"[^>]*value="([^"]*)"')


class Untouched(HTTPErrorProcessor):
    """Gives redirects and errors back as they are: each is something to explain."""

    def http_response(self, request: Request, response: Any) -> Any:
        return response

    https_response = http_response


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the provider to the trial."""

    status: int
    url: str
    location: str
    text: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object in it, empty for anything else."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def mark(self, pattern: str) -> str:
        """What the page's markup says there."""
        found = re.search(pattern, self.text)
        return unescape(found[1]).strip() if found else ""


@dataclass(slots=True)
class Trial:
    """One client, one provider, and what has been learned on the way; `person` is identifier and password."""

    client: "Client"
    issuer: str
    secret: str | None
    person: tuple[str, str] | None
    browser: OpenerDirector = field(default_factory=lambda: build_opener(HTTPCookieProcessor(CookieJar()), Untouched))
    metadata: dict[str, Any] = field(default_factory=dict)
    jwks: dict[str, Any] = field(default_factory=dict)
    state: str = field(default_factory=crypto.random_token)
    nonce: str = field(default_factory=crypto.random_token)
    verifier: str = field(default_factory=lambda: crypto.random_token(48), repr=False)
    next: str = ""

    def steps(self) -> Iterator[str]:
        """What happened, a sentence a step; raises Mistake at the step where it ends."""
        yield self.discovers()
        yield self.finds_keys()
        if "authorization_code" not in self.client.grant_types:
            yield self.authenticates()
            return
        yield self.asks()
        if self.person is None:
            yield self.authenticates()
            return
        code = yield from self.signs_in(*self.person)
        yield from self.redeems(code)

    def discovers(self) -> str:
        """The metadata, and that this client's choices are in it."""
        page = self.fetch(f"{self.issuer}/.well-known/openid-configuration")
        self.metadata = page.json
        if page.status != 200 or self.metadata.get("issuer") != self.issuer:
            raise OperatorError(f"discovery: {self.issuer} answers {page.status} or names another issuer: check IDP_ISSUER.")
        method, alg = self.client.token_endpoint_auth_method, self.client.id_token_signed_response_alg
        if method not in self.metadata.get("token_endpoint_auth_methods_supported", []):
            raise OperatorError(f"discovery: the provider does not offer {method}: change token_endpoint_auth_method.")
        return f"discovery: {self.issuer} offers {method} and {alg}."

    def finds_keys(self) -> str:
        """A published key for this client's ID tokens."""
        self.jwks = self.fetch(self.metadata["jwks_uri"]).json
        alg = self.client.id_token_signed_response_alg
        kids = [key.get("kid") for key in self.jwks.get("keys", []) if key.get("alg") == alg]
        if not kids:
            raise OperatorError(f"keys: none is published for {alg}: see `idp keys list`.")
        return f"keys: ID tokens are signed with {alg}, {len(kids)} key{'s' if len(kids) > 1 else ''} published."

    def asks(self) -> str:
        """The authorization request, up to the page where a person would sign in."""
        page = self.fetch(f"{self.metadata['authorization_endpoint']}?{urlencode(self.request())}")
        self.next = self.onward(page, "authorize")
        shown = self.fetch(self.next)
        if shown.status != 200:
            raise OperatorError(f"sign-in page: {self.explained(shown)}")
        return (
            f"authorize: the request is sound; people sign in at {urlsplit(self.next).path.rpartition('/')[2]} for this service."
        )

    def request(self) -> dict[str, str]:
        """The parameters of the request; only a name for them when the client must push them (RFC 9126)."""
        asked = {
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uris[0],
            "response_type": "code",
            "scope": self.client.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": crypto.digest(self.verifier),
            "code_challenge_method": "S256",
        }
        if not self.client.require_pushed_authorization_requests:
            return asked
        endpoint = self.metadata.get("pushed_authorization_request_endpoint", "")
        pushed = self.post(endpoint, asked)
        if pushed.status != 201:
            raise OperatorError(f"pushed request: {self.explained(pushed)}")
        return {"client_id": self.client.client_id, "request_uri": pushed.json["request_uri"]}

    def authenticates(self) -> str:
        """The client's secret, tried on a code that nobody issued: refused for the code, it was taken for the client."""
        method = self.client.token_endpoint_auth_method
        if method.endswith("_jwt"):
            return f"token: not tried, {method} is signed by the service itself."
        if method != "none" and not self.secret:
            return "token: not tried, give the secret with --secret-file, or - to type it."
        asked = {"grant_type": "authorization_code", "code": NO_CODE, "code_verifier": self.verifier}
        page = self.post(self.metadata["token_endpoint"], asked | {"redirect_uri": next(iter(self.client.redirect_uris), "")})
        error = page.json.get("error")
        if error == "invalid_client":
            raise OperatorError("token: the secret is wrong, or the method is: compare with the service's configuration.")
        if error not in ("invalid_grant", "unauthorized_client"):
            raise OperatorError(f"token: {self.explained(page)}")
        return "token: the client is who it says it is; with a person's code it would get tokens now."

    def signs_in(self, identifier: str, password: str) -> Generator[str, None, str]:
        """Types identifier and password, says yes to consent; returns the code."""
        page = self.submit(self.next, {"identifier": identifier, "password": password})
        if page.status in (200, 422):
            raise OperatorError("sign-in: refused; identifier or password is wrong, or the account is locked.")
        for _ in range(MOST_PAGES):
            target = self.onward(page, "sign-in", code_too=True)
            if not target.startswith(self.issuer + "/"):
                yield "sign-in: done, the provider answered to the registered redirect_uri with state and iss."
                return self.code_in(target)
            page = self.fetch(target)
            if page.status == 200 and target.endswith("/consent"):
                yield "consent: asked for, and given."
                page = self.submit(target, {"decision": "allow"})
        raise OperatorError("sign-in: it goes round in circles: see the log with the reference of the last page.")

    def redeems(self, code: str) -> Iterator[str]:
        """Tokens for the code, the ID token checked, claims at userinfo."""
        if self.client.token_endpoint_auth_method.endswith("_jwt"):
            yield f"token: not tried, {self.client.token_endpoint_auth_method} is signed by the service itself."
            return
        asked = {"grant_type": "authorization_code", "code": code, "code_verifier": self.verifier}
        page = self.post(self.metadata["token_endpoint"], asked | {"redirect_uri": self.client.redirect_uris[0]})
        if page.status != 200:
            raise OperatorError(f"token: {self.explained(page)}")
        yield f"token: {', '.join(sorted(page.json))}."
        if "id_token" in page.json:
            yield self.checks(page.json["id_token"])
        told = self.fetch(self.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {page.json['access_token']}"})
        if told.status != 200:
            raise OperatorError(f"userinfo: {self.explained(told)}")
        yield f"userinfo: {', '.join(told.json)}."

    def checks(self, id_token: str) -> str:
        """What a service checks (OpenID Connect Core 3.1.3.7)."""
        from idp.oidc.clients import keys

        alg = self.client.id_token_signed_response_alg
        # Our own published keys in place of the client's: the same verification in the other direction.
        ours = self.client.model_copy(update={"jwks": self.jwks, "jwks_uri": None})
        try:
            _, claims = keys.verified_claims(id_token, ours, (alg,))
        except keys.ClientJwtError as unverified:
            raise OperatorError(f"ID token: {unverified.reason}.") from None
        if (claims.get("iss"), claims.get("aud"), claims.get("nonce")) != (self.issuer, self.client.client_id, self.nonce):
            raise OperatorError("ID token: iss, aud or nonce is not what was asked for.")
        return f"ID token: verified with {alg}; it says {', '.join(claims)}."

    def onward(self, page: Page, step: str, *, code_too: bool = False) -> str:
        """Where a redirect leads, or the page that stands for one; raises OperatorError for an error, at the client or here."""
        location = page.location or page.mark(LEAVING)
        asked = parse_qs(urlsplit(location).query)
        if not location or "error" in asked:
            told = asked.get("error_description", [""])[0]
            raise OperatorError(f"{step}: {asked['error'][0]}: {told}" if "error" in asked else f"{step}: {self.explained(page)}")
        target = urljoin(page.url, location)
        if not code_too and not target.startswith(self.issuer + "/"):
            raise OperatorError(f"{step}: the provider answered without asking anybody to sign in.")
        return target

    def code_in(self, target: str) -> str:
        """The code in the answer, its state and issuer checked (RFC 9207)."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        if (asked.get("state"), asked.get("iss")) != (self.state, self.issuer) or "code" not in asked:
            raise OperatorError("sign-in: the answer lacks its code, or carries another state or issuer.")
        return asked["code"]

    def explained(self, page: Page) -> str:
        """An error in words: the provider's code, and how to learn more."""
        error, told = page.json.get("error"), page.json.get("error_description", "")
        if error:
            return f"{error}: {told}"
        code, reference = page.mark(r'data-error="([^"]+)"'), page.mark(r"data-reference[^>]*>([^<]+)<")
        return f"{page.status} {code}; `idp explain {reference}` tells more." if reference else f"it answers {page.status}."

    def submit(self, url: str, form: dict[str, str]) -> Page:
        """Fills in the form of the page at `url`."""
        token = self.fetch(url).mark(HIDDEN.pattern)
        return self.fetch(url, form | {"csrf_token": token}, {"Origin": self.issuer})

    def post(self, url: str, form: dict[str, str]) -> Page:
        """A call of the client's own, authenticated as it registered."""
        known, headers = self.client, {}
        if known.token_endpoint_auth_method == "client_secret_basic":
            pair = f"{quote_plus(known.client_id)}:{quote_plus(self.secret or '')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        elif known.token_endpoint_auth_method == "client_secret_post":
            form = form | {"client_id": known.client_id, "client_secret": self.secret or ""}
        else:
            form = form | {"client_id": known.client_id}
        return self.fetch(url, form, headers)

    def fetch(self, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Page:
        """One request with this browser's cookies; raises Mistake when nobody answers."""
        if not url.startswith(("http://", "https://")):
            raise OperatorError(f"The provider names no address for this step ({url or 'none'}).")
        asked = Request(url, urlencode(form).encode() if form is not None else None, headers or {})  # noqa: S310 - http only
        try:
            with self.browser.open(asked, timeout=TIMEOUT) as answer:
                text = answer.read().decode(errors="replace")
                return Page(answer.status, url, answer.headers.get("Location", ""), text)
        except (URLError, OSError, HTTPException):
            host = urlsplit(url).netloc
            raise OperatorError(f"{host} does not answer: start it with `idp serve`, or name another with --issuer.") from None
