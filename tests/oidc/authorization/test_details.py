"""Authorization details (RFC 9396): one exact thing, read and approved by its owner, and nothing beside it in the token."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from idp.core import clock
from idp.oidc.tokens import signing_keys
from tests.oidc.conftest import RelyingParty, answer
from tests.oidc.tokens.test_token_exchange import MIDDLE, TYPE
from tests.simple_browser import Page

API = "https://api.example.go.id/"
CLAIM = {"type": "jkp_claim", "months": 3, "account": "BRI 0012-01-000123-50-7"}
OTHER = CLAIM | {"months": 1}
SERVED = {
    "type": "jkp_claim",
    "label": {"id": "Mengajukan klaim JKP", "en": "File a JKP claim"},
    "members": {"months": {"id": "Bulan", "en": "Months"}, "account": {"id": "Rekening"}},
}
KEY = ECKey.generate_key("P-256")


@pytest.fixture
def jkp(register: Callable[..., RelyingParty]) -> RelyingParty:
    """A first-party service, and the API that understands the type."""
    register("api", resource_server=True, resources=(API,), authorization_details_served=(SERVED,))
    return register(
        "jkp", resources=(API,), authorization_details_types=("jkp_claim",), jwks={"keys": [KEY.as_dict(private=False)]}
    )


def asks(*details: Any) -> str:
    return json.dumps(list(details), ensure_ascii=False)


def approve(browser: FlaskClient, url: str) -> tuple[str, dict[str, str]]:
    """What the page says, and the answer once the person has said yes."""
    place = browser.get(url).location
    assert place.endswith("/consent"), place
    page = Page(place, 200, browser.get(place).get_data(as_text=True))
    sent = browser.post(place, data=page.form("decision").fields | {"decision": "allow"})
    return page.text, answer(browser.get(sent.location))


def test_the_person_reads_what_will_be_done_and_the_token_says_so(app: Flask, jkp: RelyingParty, browser: FlaskClient) -> None:
    """Sections 2, 3, 7 and 9: asked of a service of the ministry too, in both languages, each time anew."""
    shown, given = approve(browser, jkp.url(authorization_details=asks(CLAIM), resource=API))
    assert "Mengajukan klaim JKP" in shown
    assert "Bulan: 3; Rekening: BRI 0012-01-000123-50-7" in shown
    tokens = jkp.redeem(given["code"]).json
    assert tokens["authorization_details"] == [CLAIM]
    assert jkp.post("/introspect", token=tokens["access_token"]).json["authorization_details"] == [CLAIM]
    with app.app_context():
        stated = signing_keys.verify(tokens["access_token"], "at+jwt")
    assert stated is not None
    assert stated["authorization_details"] == [CLAIM]
    again, _ = approve(browser, jkp.url(authorization_details=asks(CLAIM), ui_locales="en"))
    assert "File a JKP claim" in again, "what was approved before says nothing of the next one"
    assert "Months: 3; Rekening: BRI" in again
    assert answer(browser.get(jkp.url(authorization_details=asks(CLAIM), prompt="none")))["error"] == "consent_required"
    plain = jkp.redeem(jkp.code(browser)).json
    assert "authorization_details" not in plain
    assert "authorization_details" not in jkp.post("/introspect", token=plain["access_token"]).json


WRONG: dict[str, str] = {
    "no JSON": "jkp_claim",
    "no list": json.dumps(CLAIM),
    "an empty list": "[]",
    "too many": asks(*[CLAIM] * 11),
    "no object": asks("jkp_claim"),
    "no type": asks({"months": 3}),
    "a type of no name": asks(CLAIM | {"type": ["jkp_claim"]}),
    "a type that nobody serves": asks(CLAIM | {"type": "unserved"}),
    "a type of others": asks({"type": "payment"}),
    "a member too many": asks(CLAIM | {"to": "me"}),
    "a member too few": asks({"type": "jkp_claim", "months": 3}),
    "structure": asks(CLAIM | {"account": {"bank": "BRI"}}),
    "nothing": asks(CLAIM | {"account": None}),
    "an empty text": asks(CLAIM | {"account": ""}),
    "a text without end": asks(CLAIM | {"account": "1" * 501}),
    "a text that turns around": asks(CLAIM | {"account": "\u202e123"}),
    "a line of its own": asks(CLAIM | {"account": "1\n2"}),
    "too deep": "[" * 40 + "]" * 40,
}


def test_whatever_is_not_exactly_of_its_type_is_refused(
    register: Callable[..., RelyingParty], jkp: RelyingParty, browser: FlaskClient
) -> None:
    """Section 5."""
    register("payments", authorization_details_served=({"type": "payment", "label": {"id": "Membayar"}},))
    register("jkp", authorization_details_types=("jkp_claim", "unserved"))
    for what, raw in WRONG.items():
        told = answer(browser.get(jkp.url(authorization_details=raw)))
        assert told["error"] == "invalid_authorization_details", what
    stranger = register("stranger")
    assert answer(browser.get(stranger.url(authorization_details=asks(CLAIM))))["error"] == "invalid_authorization_details"


def test_a_token_has_no_more_than_was_approved(jkp: RelyingParty, browser: FlaskClient) -> None:
    """Section 6: some of it, each as it was; with every refresh too."""
    _, given = approve(browser, jkp.url(authorization_details=asks(CLAIM, OTHER)))
    beyond = jkp.redeem(given["code"], authorization_details=asks(CLAIM | {"months": 6}))
    assert (beyond.status_code, beyond.json["error"]) == (400, "invalid_authorization_details")
    _, given = approve(browser, jkp.url(authorization_details=asks(CLAIM, OTHER)))
    tokens = jkp.redeem(given["code"], authorization_details=asks(OTHER)).json
    assert tokens["authorization_details"] == [OTHER]
    again = jkp.refresh(tokens["refresh_token"], authorization_details=asks(CLAIM)).json
    assert again["authorization_details"] == [CLAIM]
    assert jkp.refresh(again["refresh_token"]).json["authorization_details"] == [CLAIM, OTHER]
    refused = jkp.refresh(again["refresh_token"], authorization_details=asks(CLAIM | {"account": "mine"}))
    assert refused.json["error"] == "invalid_authorization_details"


def test_they_come_pushed_and_signed_too(app: Flask, jkp: RelyingParty, browser: FlaskClient) -> None:
    """In a request object they are a list, not a text (RFC 9101 section 4)."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(jkp.url()).query).items()}
    pushed = jkp.post("/par", **asked, authorization_details=asks(CLAIM)).json["request_uri"]
    assert "Bulan: 3" in approve(browser, f"/authorize?client_id=jkp&request_uri={pushed}")[0]
    now = clock.timestamp()
    inside = asked | {"authorization_details": [CLAIM], "iss": "jkp", "aud": jkp.issuer, "exp": now + 60}
    signed = jwt.encode({"alg": "ES256"}, inside, KEY)
    shown, given = approve(browser, jkp.url(request=signed))
    assert "Bulan: 3" in shown
    assert jkp.redeem(given["code"]).json["authorization_details"] == [CLAIM]


def test_nobody_else_gets_them(register: Callable[..., RelyingParty], jkp: RelyingParty, browser: FlaskClient) -> None:
    """Not a client for itself, not a device, and not whoever exchanges the token: nobody approved it for them."""
    alone = jkp.post("/token", grant_type="client_credentials", scope="api", authorization_details=asks(CLAIM))
    assert (alone.status_code, alone.json["error"]) == (400, "invalid_authorization_details")
    device = register(
        "tv", grant_types=("urn:ietf:params:oauth:grant-type:device_code",), authorization_details_types=("jkp_claim",)
    )
    refused = device.post("/device_authorization", scope="openid", authorization_details=asks(CLAIM))
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_authorization_details")
    middle = register("middle", **MIDDLE | {"token_exchange": MIDDLE["token_exchange"] | {"subject_clients": ("jkp",)}})
    _, given = approve(browser, jkp.url(authorization_details=asks(CLAIM), resource=API, scope="openid email api"))
    token = jkp.redeem(given["code"]).json["access_token"]
    form = {"subject_token": token, "subject_token_type": TYPE, "resource": "https://next.example.go.id/"}
    exchanged = middle.post("/token", grant_type="urn:ietf:params:oauth:grant-type:token-exchange", **form)
    assert exchanged.status_code == 200, exchanged.json
    told = middle.post("/introspect", token=exchanged.json["access_token"]).json
    assert (told["active"], "authorization_details" in told) == (True, False)


def test_what_a_third_party_may_by_now_covers_no_details(
    register: Callable[..., RelyingParty], jkp: RelyingParty, browser: FlaskClient
) -> None:
    """Section 3: a remembered consent is for scopes; the next claim is another one."""
    party = register("third", first_party=False, authorization_details_types=("jkp_claim",), scope="openid")
    for _ in range(2):
        assert "Bulan: 3" in approve(browser, party.url(scope="openid", authorization_details=asks(CLAIM)))[0]
    assert "code" in answer(browser.get(party.url(scope="openid", prompt="none"))), "scopes are remembered"
