"""The six units of work, W1 to W6, each checked at every step; what a national single sign-on does all day."""

import base64
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from browser import Answer, Browser, Failed

REDIRECT_URI = "https://rp.example/cb"
SCOPE = "openid profile email"


@dataclass
class Person:
    """Somebody signed in with a browser of their own; tokens of the last unit are kept for the next."""

    browser: Browser
    identifier: str
    password: str
    endpoints: dict[str, str]
    clients: dict[str, dict[str, str]]
    tokens: dict[str, Any] = field(default_factory=dict)

    async def code(self, client: str, *, pages: bool, **extra: str) -> tuple[str, str, str]:
        """An authorization code with its verifier and nonce; with `pages` the person signs in on the way."""
        state, nonce, verifier = (secrets.token_urlsafe(n) for n in (16, 16, 32))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {"response_type": "code", "client_id": self.clients[client]["id"], "redirect_uri": REDIRECT_URI}
        query |= {"scope": SCOPE, "state": state, "nonce": nonce, **extra}
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        answers = {"identifier": self.identifier, "password": self.password, "decision": "allow"} if pages else None
        location = await self.browser.walk(f"{self.endpoints['authorization']}?{urlencode(query)}", REDIRECT_URI, answers)
        given = parse_qs(urlsplit(location).query)
        if given.get("state") != [state] or "code" not in given:
            raise Failed(f"no code or another state: {location[:120]}")
        return given["code"][0], verifier, nonce

    async def token(self, client: str, **fields: str) -> Answer:
        """One request to the token endpoint, client_secret_basic."""
        return checked(await self.browser.post(self.endpoints["token"], fields, Authorization=self.basic(client)), "access_token")

    async def exchange(self, client: str, code: str, verifier: str, nonce: str) -> None:
        """Redeems a code; the ID token must carry the nonce that was sent."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        answer = await self.token(client, **fields, code_verifier=verifier)
        self.tokens = json.loads(answer.body)
        claims = json.loads(base64.urlsafe_b64decode(self.tokens["id_token"].split(".")[1] + "=="))
        if claims.get("nonce") != nonce:
            raise Failed("another nonce in the ID token")
        self.tokens["sub"] = claims["sub"]

    def basic(self, client: str) -> str:
        """The Authorization header of RFC 6749 section 2.3.1."""
        pair = f"{quote(self.clients[client]['id'])}:{quote(self.clients[client]['secret'])}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


def checked(answer: Answer, *members: str) -> Answer:
    """The answer, when it is a 200 with these members; raises Failed."""
    body = answer.text
    if answer.status != 200 or not all(f'"{member}"' in body for member in members):
        raise Failed(f"[{answer.status}] {body[:160]}")
    return answer


async def sign_in(person: Person) -> None:
    """Gives the person a session, and a first set of tokens."""
    await person.exchange("web", *await person.code("web", pages=True))


async def sign_in_for_refresh(person: Person) -> None:
    """As sign_in, at the client that may refresh."""
    await person.exchange("rt", *await person.code("rt", pages=True))


async def nothing(person: Person) -> None:
    """No preparation."""


async def w1(person: Person) -> None:
    """Discovery and JWKS."""
    checked(await person.browser.get(person.endpoints["discovery"]), "issuer")
    checked(await person.browser.get(person.endpoints["jwks"]), "keys")


async def w2(person: Person) -> None:
    """client_credentials."""
    await person.token("cc", grant_type="client_credentials")


async def w3(person: Person) -> None:
    """Silent sign-in: authorize with a session, token, userinfo."""
    await person.exchange("web", *await person.code("web", pages=False, prompt="none"))
    bearer = f"Bearer {person.tokens['access_token']}"
    answer = checked(await person.browser.get(person.endpoints["userinfo"], Authorization=bearer), "email")
    if json.loads(answer.body)["sub"] != person.tokens["sub"]:
        raise Failed("another sub at userinfo")


async def w4(person: Person) -> None:
    """One link of a chain of refresh tokens."""
    answer = await person.token("rt", grant_type="refresh_token", refresh_token=person.tokens["refresh_token"])
    person.tokens |= json.loads(answer.body)


async def w5(person: Person) -> None:
    """Introspection of one's own live token."""
    fields = {"token": person.tokens["access_token"], "token_type_hint": "access_token"}
    answer = await person.browser.post(person.endpoints["introspection"], fields, Authorization=person.basic("web"))
    if json.loads(checked(answer, "active").body)["active"] is not True:
        raise Failed("not active")


async def w6(person: Person) -> None:
    """A whole sign-in from an empty cookie jar, password and all."""
    person.browser.jar.clear()
    await sign_in(person)


Step = Callable[[Person], Awaitable[None]]
WORKLOADS: dict[str, tuple[Step, Step]] = {
    "W1": (nothing, w1),
    "W2": (nothing, w2),
    "W3": (sign_in, w3),
    "W4": (sign_in_for_refresh, w4),
    "W5": (sign_in, w5),
    "W6": (nothing, w6),
}
