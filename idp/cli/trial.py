"""A sign-in walked step by step for an operator: what the provider answers to a client, and what to do when it refuses."""

from base64 import b64encode
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import quote_plus, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from idp.cli import OperatorError
from idp.cli.trial_pages import HIDDEN, Page, Untouched, answer_in
from idp.core import clock, crypto

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client
    from idp.oidc.clients.service_keys import ServiceKey

TIMEOUT = 15  # seconds
MOST_PAGES = 10
SEALED = "{}: encrypted for the service's key, not opened: give that with --key-file."
NO_CODE = "00" + "x" * 43  # a code that nobody issued
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
HOW = {
    "client_secret_basic": "the service sends its secret by HTTP Basic",
    "client_secret_post": "the service sends its secret in the form",
    "client_secret_jwt": "the service signs with its secret",
    "private_key_jwt": "the service signs with its private key",
    "none": "the service sends its client_id alone",
}


@dataclass(slots=True)
class Trial:
    """One client, one provider, and what has been learned on the way; `person` is identifier and password."""

    client: "Client"
    issuer: str
    secret: str | None
    person: tuple[str, str] | None
    key: "ServiceKey | None" = None
    method: str = ""  # how the service proves itself, where somebody says so; else as it is registered
    browser: OpenerDirector = field(default_factory=lambda: build_opener(HTTPCookieProcessor(CookieJar()), Untouched))
    metadata: dict[str, Any] = field(default_factory=dict)
    jwks: dict[str, Any] = field(default_factory=dict)
    state: str = field(default_factory=crypto.random_token)
    nonce: str = field(default_factory=crypto.random_token)
    verifier: str = field(default_factory=lambda: crypto.random_token(48), repr=False)
    next: str = ""

    def __post_init__(self) -> None:
        """Takes the registered method, of two the first, unless another is to be tried."""
        self.method = self.method or self.client.auth_methods[0]

    def steps(self) -> Iterator[str]:
        """What happened, a sentence a step; raises OperatorError at the step where it ends."""
        yield self.discovers()
        yield self.finds_keys()
        if not self.client.redirect_uris:
            yield self.authenticates()
            return
        untried = self.cannot_ask()
        yield f"authorize: not tried, {untried}." if untried else self.asks()
        if self.person is None or untried:
            yield self.authenticates()
            return
        answer = yield from self.signs_in(*self.person)
        yield from self.takes(answer)

    def discovers(self) -> str:
        """The metadata, and that this client's choices are in it."""
        page = self.fetch(f"{self.issuer}/.well-known/openid-configuration")
        self.metadata, named = page.json, page.json.get("issuer")
        if page.status != 200 or named is None:
            raise OperatorError(f"discovery: {self.issuer} answers {page.status}: is it the provider's address?")
        if named != self.issuer:
            raise OperatorError(f"discovery: {self.issuer} names another issuer: try --issuer {named}, or mend IDP_ISSUER.")
        alg, offered = self.client.id_token_signed_response_alg, self.metadata.get("token_endpoint_auth_methods_supported", [])
        if not set(self.client.auth_methods) & set(offered):
            refused = self.client.token_endpoint_auth_method
            raise OperatorError(f"discovery: the provider does not offer {refused}: change token_endpoint_auth_method.")
        return f"discovery: {self.issuer} offers {' and '.join(self.client.auth_methods)}, and {alg}."

    def finds_keys(self) -> str:
        """A published key for this client's ID tokens."""
        self.jwks = self.fetch(self.metadata["jwks_uri"]).json
        alg = self.client.id_token_signed_response_alg
        kids = [key.get("kid") for key in self.jwks.get("keys", []) if key.get("alg") == alg]
        if not kids:
            raise OperatorError(f"keys: none is published for {alg}: see `idp keys list`.")
        return f"keys: ID tokens are signed with {alg}, {len(kids)} key{'s' if len(kids) > 1 else ''} published."

    def cannot_ask(self) -> str:
        """Why a request cannot be made in the service's place; empty when it can."""
        if self.client.require_signed_request_object and self.key is None:
            return "the service signs its requests: give its private key with --key-file"
        return self.cannot_prove() if self.client.require_pushed_authorization_requests else ""

    def cannot_prove(self) -> str:
        """Why the service's own proof cannot be made in its place; empty when it can."""
        if self.method == "private_key_jwt" and self.key is None:
            return "the service signs with its private key: give it with --key-file"
        if self.method.startswith("client_secret") and not self.secret:
            return "give the secret with --secret-file, or - to type it"
        return "" if self.method in HOW else f"{self.method} needs the service's certificate"

    def asks(self) -> str:
        """The authorization request, up to the page where a person would sign in."""
        page = self.fetch(f"{self.metadata['authorization_endpoint']}?{urlencode(self.request())}")
        self.next = self.onward(page, "authorize")
        shown = self.fetch(self.next)
        if shown.status != 200:
            raise OperatorError(f"sign-in page: {shown.explained}")
        return (
            f"authorize: the request is sound; people sign in at {urlsplit(self.next).path.rpartition('/')[2]} for this service."
        )

    def request(self) -> dict[str, str]:
        """The parameters of the request: signed when they must be (RFC 9101), only a name for them when pushed (RFC 9126)."""
        kinds = self.client.response_types
        asked = {
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uris[0],
            "response_type": "code" if "code" in kinds or not kinds else kinds[0],
            "scope": self.client.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": crypto.digest(self.verifier),
            "code_challenge_method": "S256",
        }
        if self.key and self.client.require_signed_request_object:
            claims = asked | self.times() | {"iss": self.client.client_id, "aud": self.issuer}
            signed = self.key.sign(claims, self.client.request_object_signing_alg, "oauth-authz-req+jwt")
            asked = {"client_id": self.client.client_id, "request": signed}
        if not self.client.require_pushed_authorization_requests:
            return asked
        endpoint = self.metadata.get("pushed_authorization_request_endpoint", "")
        pushed = self.post(endpoint, asked)
        if pushed.json.get("error") == "invalid_client":
            raise OperatorError(self.refused())
        if pushed.status != 201:
            raise OperatorError(f"pushed request: {pushed.explained}")
        return {"client_id": self.client.client_id, "request_uri": pushed.json["request_uri"]}

    def authenticates(self) -> str:
        """The client's proof, tried on a code that nobody issued: refused for the code, it was taken for the client."""
        untried = self.cannot_prove()
        if untried:
            return f"token: not tried, {untried}."
        asked = {"grant_type": "authorization_code", "code": NO_CODE, "code_verifier": self.verifier}
        page = self.post(self.metadata["token_endpoint"], asked | {"redirect_uri": next(iter(self.client.redirect_uris), "")})
        error = page.json.get("error")
        if error == "invalid_client":
            raise OperatorError(self.refused())
        if error not in ("invalid_grant", "unauthorized_client", "invalid_dpop_proof"):
            raise OperatorError(f"token: {page.explained}")
        return f"token: the client is who it says it is, as long as {HOW[self.method]} ({self.method})."

    def refused(self) -> str:
        """Why its proof was not taken, as far as the file tells."""
        if self.method not in self.client.auth_methods:
            wanted = self.client.token_endpoint_auth_method
            return f"token: {HOW[self.method]}, its entry says {wanted}: change token_endpoint_auth_method, or the library."
        what = "the key is not one of its jwks" if self.method == "private_key_jwt" else "the secret is wrong"
        return f"token: {what}; the provider's log says so (client_refused). `idp clients hash` tells the line for a secret."

    def signs_in(self, identifier: str, password: str) -> Generator[str, None, dict[str, str]]:
        """Types identifier and password, says yes to consent; returns the answer to the service."""
        page = self.submit(self.next, {"identifier": identifier, "password": password})
        if page.status in (200, 422) and not page.onward:
            raise OperatorError("sign-in: refused; identifier or password is wrong, or the account is locked.")
        for _ in range(MOST_PAGES):
            target = self.onward(page, "sign-in", away=True)
            if not target.startswith(self.issuer + "/"):
                yield "sign-in: done, the provider answered to the registered redirect_uri with state and iss."
                return self.checked(answer_in(target))
            page = self.fetch(target)
            if page.status == 200 and target.endswith("/consent"):
                yield "consent: asked for, and given."
                page = self.submit(target, {"decision": "allow"})
        raise OperatorError("sign-in: it goes round in circles: see the log with the reference of the last page.")

    def takes(self, answer: dict[str, str]) -> Iterator[str]:
        """What the service does with the answer: its ID token checked, tokens for the code, claims at userinfo."""
        if "id_token" in answer:
            yield self.checks(answer["id_token"])
        token = answer.get("access_token", "")
        if "code" in answer:
            untried = "each call comes with a DPoP proof" if self.client.dpop_bound_access_tokens else self.cannot_prove()
            if untried:
                yield f"token: not tried, {untried}."
                return
            redeemed = self.redeemed(answer["code"])
            yield f"token: {', '.join(sorted(redeemed))}."
            if "id_token" in redeemed:
                yield self.checks(redeemed["id_token"])
            token = redeemed["access_token"]
        if token:
            yield self.asks_userinfo(token)

    def redeemed(self, code: str) -> dict[str, Any]:
        """Tokens for the code (OpenID Connect Core 3.1.3)."""
        asked = {"grant_type": "authorization_code", "code": code, "code_verifier": self.verifier}
        page = self.post(self.metadata["token_endpoint"], asked | {"redirect_uri": self.client.redirect_uris[0]})
        if page.json.get("error") == "invalid_client":
            raise OperatorError(self.refused())
        if page.status != 200:
            raise OperatorError(f"token: {page.explained}")
        return page.json

    def asks_userinfo(self, token: str) -> str:
        """Which claims come, in whichever form the client registered (OpenID Connect Core 5.3.2)."""
        told = self.fetch(self.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {token}"})
        if told.status != 200:
            raise OperatorError(f"userinfo: {told.explained}")
        if told.json:
            return f"userinfo: {', '.join(told.json)}."
        claims = self.opened("userinfo", told.text, self.client.userinfo_signed_response_alg or "")
        return f"userinfo: {', '.join(claims)}." if claims else SEALED.format("userinfo")

    def checks(self, id_token: str) -> str:
        """What a service checks (OpenID Connect Core 3.1.3.7)."""
        alg = self.client.id_token_signed_response_alg
        claims = self.opened("ID token", id_token, alg)
        if not claims:
            return SEALED.format("ID token")
        if (claims.get("iss"), claims.get("aud"), claims.get("nonce")) != (self.issuer, self.client.client_id, self.nonce):
            raise OperatorError("ID token: iss, aud or nonce is not what was asked for.")
        return f"ID token: verified with {alg}; it says {', '.join(claims)}."

    def opened(self, what: str, token: str, alg: str) -> dict[str, Any]:
        """The claims of a JWT for this client; none when it is encrypted and the key is not at hand."""
        from idp.oidc.clients import keys, service_keys

        # Our own published keys in place of the client's: the same verification in the other direction.
        ours = self.client.model_copy(update={"jwks": self.jwks, "jwks_uri": None})
        try:
            if token.count(".") == 4:
                if self.key is None:
                    return {}
                token = self.key.decrypt(token)
            return keys.verified_claims(token, ours, (alg,))[1] if alg else service_keys.plain_claims(token)
        except keys.ClientJwtError as unverified:
            raise OperatorError(f"{what}: {unverified.reason}.") from None

    def onward(self, page: Page, step: str, *, away: bool = False) -> str:
        """Where the answer leads; raises OperatorError for an error, at the client or here."""
        asked = answer_in(page.onward)
        if not page.onward or "error" in asked:
            told = asked.get("error_description", "")
            raise OperatorError(f"{step}: {asked['error']}: {told}" if "error" in asked else f"{step}: {page.explained}")
        target = urljoin(page.url, page.onward)
        if not away and not target.startswith(self.issuer + "/"):
            raise OperatorError(f"{step}: the provider answered without asking anybody to sign in.")
        return target

    def checked(self, answer: dict[str, str]) -> dict[str, str]:
        """The answer, its state and issuer compared (RFC 9207)."""
        if (answer.get("state"), answer.get("iss")) != (self.state, self.issuer) or not {"code", "id_token"} & answer.keys():
            raise OperatorError("sign-in: the answer lacks its code, or carries another state or issuer.")
        return answer

    def submit(self, url: str, form: dict[str, str]) -> Page:
        """Fills in the form of the page at `url`."""
        token = self.fetch(url).mark(HIDDEN)
        return self.fetch(url, form | {"csrf_token": token}, {"Origin": self.issuer})

    def post(self, url: str, form: dict[str, str]) -> Page:
        """A call of the client's own, with its proof."""
        known, headers = self.client, {}
        if self.method == "client_secret_basic":
            pair = f"{quote_plus(known.client_id)}:{quote_plus(self.secret or '')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        elif self.method == "client_secret_post":
            form = form | {"client_id": known.client_id, "client_secret": self.secret or ""}
        elif self.method.endswith("_jwt"):
            form = form | {"client_id": known.client_id, "client_assertion_type": ASSERTION_TYPE}
            form |= {"client_assertion": self.assertion()}
        else:
            form = form | {"client_id": known.client_id}
        return self.fetch(url, form, headers)

    def assertion(self) -> str:
        """RFC 7523 section 3, made out to the issuer alone."""
        from idp.oidc.clients.service_keys import ServiceKey

        key = ServiceKey.of_secret(self.secret or "") if self.method == "client_secret_jwt" else self.key
        claims = self.times() | {"iss": self.client.client_id, "sub": self.client.client_id, "aud": self.issuer}
        if key is None:
            raise OperatorError(f"token: {self.cannot_prove()}.")
        return key.sign(claims | {"jti": crypto.random_token()}, self.client.token_endpoint_auth_signing_alg, "JWT")

    def times(self) -> dict[str, int]:
        """When what is signed now begins and ends to be good."""
        now = clock.timestamp()
        return {"iat": now, "nbf": now, "exp": now + 60}

    def fetch(self, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Page:
        """One request with this browser's cookies; raises OperatorError when nobody answers."""
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
