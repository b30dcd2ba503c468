"""Attacks on everything that takes a JWT: what nobody of ours signed is believed nowhere, and one kind is not another."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from idp.core import clock
from idp.oidc.clients import registration
from idp.oidc.logout import back_channel
from idp.sessions import single_sign_on
from tests.oidc.conftest import CALLBACK, RelyingParty, answer
from tests.oidc.tokens.test_token_exchange import API, MIDDLE, POLICY, exchange, read

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
OUR_KEY = ECKey.generate_key("P-256", auto_kid=True)
THEIRS = ECKey.generate_key("P-256", auto_kid=True)

Forge = Callable[[dict[str, Any], dict[str, Any], Any], str]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return f"{b64(json.dumps(header | {'alg': 'none'}).encode())}.{b64(json.dumps(claims).encode())}."


def unsigned_by_another_spelling(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return f"{b64(json.dumps(header | {'alg': 'nOnE'}).encode())}.{b64(json.dumps(claims).encode())}."


def hmac_with(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    # By hand: the library refuses to help with such keys.
    message = f"{b64(json.dumps(header | {'alg': 'HS256'}).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{message}.{b64(hmac.digest(secret, message.encode(), 'sha256'))}"


def hmac_with_the_public_key(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return hmac_with(public.as_pem(private=False), header, claims)


def hmac_with_the_public_jwk(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return hmac_with(json.dumps(public.as_dict(private=False)).encode(), header, claims)


def signed_by_another(header: dict[str, Any], claims: dict[str, Any], public: Any, **more: Any) -> str:
    return jwt.encode(header | {"alg": "ES256"} | more, claims, THEIRS, algorithms=["ES256"])


def its_own_key_in_the_header(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return signed_by_another(header, claims, public, jwk=THEIRS.as_dict(private=False))


def its_own_keys_at_an_address(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return signed_by_another(header, claims, public, jku="https://evil.example/jwks.json")


def its_own_certificate_at_an_address(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return signed_by_another(header, claims, public, x5u="https://evil.example/cert.pem")


def a_path_for_a_key_id(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return hmac_with(b"\0", header | {"kid": "../../../../dev/null"}, claims)


def stripped(header: dict[str, Any], claims: dict[str, Any], public: Any) -> str:
    return signed_by_another(header, claims, public).rpartition(".")[0] + "."


FORGERIES: list[Forge] = [
    unsigned, unsigned_by_another_spelling, hmac_with_the_public_key, hmac_with_the_public_jwk, signed_by_another,
    its_own_key_in_the_header, its_own_keys_at_an_address, its_own_certificate_at_an_address, a_path_for_a_key_id, stripped,
]  # fmt: skip
every_forgery = pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)


@pytest.fixture
def signer(register: Callable[..., RelyingParty]) -> RelyingParty:
    """A client with a key of its own, for its assertions and its requests."""
    jwks = {"keys": [OUR_KEY.as_dict(private=False)]}
    method = "private_key_jwt"
    return register("signer", client_secret_hash=None, token_endpoint_auth_method=method, jwks=jwks)


def published(app: Flask) -> Any:
    return RSAKey.import_key(next(k for k in app.test_client().get("/jwks.json").json["keys"] if k["alg"] == "RS256"))


def kid_of(token: str) -> dict[str, Any]:
    return {"kid": jws.extract_compact(token.encode()).headers()["kid"]}


def id_token(party: RelyingParty, browser: FlaskClient) -> str:
    return str(party.redeem(party.code(browser)).json["id_token"])


def assertion(party: RelyingParty, **changes: Any) -> dict[str, Any]:
    now = clock.timestamp()
    claims = {
        "iss": party.id,
        "sub": party.id,
        "aud": party.issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def signed(claims: dict[str, Any], **header: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": OUR_KEY.kid} | header, claims, OUR_KEY, algorithms=["ES256"])


def with_assertion(party: RelyingParty, token: str) -> TestResponse:
    form = {"grant_type": "client_credentials", "scope": "api", "client_assertion_type": JWT_BEARER, "client_assertion": token}
    return party.app.test_client().post("/token", data=form)


# -- who signs in: id_token_hint ------------------------------------------------------------------------------------


@every_forgery
def test_a_forged_hint_is_no_hint(app: Flask, wlkp: RelyingParty, browser: FlaskClient, forge: Forge) -> None:
    real = id_token(wlkp, browser)
    forged = forge(kid_of(real), wlkp.stated(real), published(app))
    told = answer(browser.get(wlkp.url(prompt="none", id_token_hint=forged)))
    assert told["error"] in ("invalid_request", "login_required")
    out = {"id_token_hint": forged, "post_logout_redirect_uri": "https://rp.example/out"}
    assert "Location" not in browser.get("/logout?" + urlencode(out)).headers, "nobody is signed out or sent away by it"
    assert wlkp.code(browser, prompt="none", id_token_hint=real), "and still signed in"


# -- what is asked: request objects -----------------------------------------------------------------------------------


@every_forgery
def test_a_forged_request_object_asks_for_nothing(signer: RelyingParty, browser: FlaskClient, forge: Forge) -> None:
    asked = {"iss": signer.id, "aud": signer.issuer, "client_id": signer.id, "state": "forged", "exp": clock.timestamp() + 60}
    assert answer(browser.get(signer.url(request=signed(asked))))["state"] == "forged", "signed by the client it counts"
    response = browser.get(signer.url(request=forge({"kid": OUR_KEY.kid}, asked, OUR_KEY)))
    assert answer(response)["error"] == "invalid_request_object"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "https://other.example"}, {"iss": "wlkp"}, {"client_id": "wlkp"}, {"exp": 1}, {"nbf": 2**33}, {"exp": "soon"},
        {"request": "x.y.z"}, {"request_uri": "https://rp.example/r"}, {"iat": 1}, {"state": ["a", "b"]}, {"scope": {"a": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_signed_request_object_for_another_purpose(signer: RelyingParty, browser: FlaskClient, wrong: dict[str, Any]) -> None:
    asked = {"iss": signer.id, "aud": signer.issuer, "client_id": signer.id, "exp": clock.timestamp() + 60} | wrong
    assert answer(browser.get(signer.url(request=signed(asked))))["error"] == "invalid_request_object"


# -- which client calls: assertions -------------------------------------------------------------------------------------


@every_forgery
def test_a_forged_assertion_proves_no_client(signer: RelyingParty, forge: Forge) -> None:
    assert with_assertion(signer, signed(assertion(signer))).status_code == 200
    response = with_assertion(signer, forge({"kid": OUR_KEY.kid}, assertion(signer), OUR_KEY))
    assert (response.status_code, response.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "https://other.example/token"}, {"aud": None}, {"aud": ["https://other.example"]}, {"iss": "wlkp"}, {"sub": "wlkp"},
        {"jti": None}, {"jti": ""}, {"jti": 7}, {"exp": None}, {"exp": 1}, {"exp": 2**33}, {"exp": True}, {"nbf": 2**33},
    ],
    ids=str,
)  # fmt: skip
def test_an_assertion_for_elsewhere_or_for_ever(wlkp: RelyingParty, signer: RelyingParty, wrong: dict[str, Any]) -> None:
    assert with_assertion(signer, signed(assertion(signer, **wrong))).json["error"] == "invalid_client"


def test_an_audience_beside_ours_is_refused_where_the_entry_says_so(register: Callable[..., RelyingParty]) -> None:
    """Audience injection: an assertion made out to two servers can be replayed by one of them at the other."""
    jwks = {"keys": [OUR_KEY.as_dict(private=False)]}
    strict = {"client_secret_hash": None, "token_endpoint_auth_method": "private_key_jwt", "assertion_audience": "issuer"}
    party = register("strict", jwks=jwks, **strict)
    assert with_assertion(party, signed(assertion(party))).status_code == 200
    for audience in ([party.issuer], [party.issuer, "https://evil.example"], f"{party.issuer}/token"):
        assert with_assertion(party, signed(assertion(party, aud=audience))).json["error"] == "invalid_client"


def test_a_header_that_must_be_understood_and_is_not(signer: RelyingParty, browser: FlaskClient) -> None:
    """`crit` (RFC 7515 section 4.1.11)."""
    head = {"alg": "ES256", "kid": OUR_KEY.kid, "crit": ["b64"], "b64": False}
    claims = assertion(signer)
    body = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    algorithm = jws.JWSRegistry.algorithms["ES256"]
    token = f"{body}.{b64(algorithm.sign(body.encode(), OUR_KEY))}"
    assert with_assertion(signer, token).json["error"] == "invalid_client"
    assert answer(browser.get(signer.url(request=token)))["error"] == "invalid_request_object"


# -- what services are called with: access tokens that are JWTs (RFC 9068) ------------------------------------------------


@pytest.fixture
def middle(register: Callable[..., RelyingParty]) -> RelyingParty:
    """May exchange the tokens of two clients."""
    policy = POLICY | {"subject_clients": ("wlkp", "jwts")}
    return register("middle", **MIDDLE | {"token_exchange": policy})


@every_forgery
def test_a_forged_access_token_opens_nothing(
    app: Flask, register: Callable[..., RelyingParty], middle: RelyingParty, browser: FlaskClient, forge: Forge
) -> None:
    party = register("jwts", access_token_format="jwt", resources=(API,))
    ours, apis = (
        party.redeem(party.code(browser, scope="openid email api", resource=to)).json["access_token"] for to in (None, API)
    )
    opens: list[tuple[str, Callable[[str], bool]]] = [
        (ours, lambda token: party.userinfo(token).status_code == 200),
        (ours, lambda token: bool(party.post("/introspect", token=token).json["active"])),
        (apis, lambda token: exchange(middle, token).status_code == 200),
    ]
    for real, open_with in opens:
        assert open_with(real)
        assert not open_with(forge(kid_of(real) | {"typ": "at+jwt"}, read(app, real), published(app)))


# -- who vouches for a client: software statements ----------------------------------------------------------------------


@every_forgery
def test_no_software_statement_is_believed(app: Flask, forge: Forge) -> None:
    with app.app_context():
        bearer = {"Authorization": f"Bearer {registration.issue_initial_access_token(1, 3600)}"}
    statement = forge({}, {"software_id": "x", "first_party": True, "redirect_uris": [CALLBACK]}, published(app))
    asked = {"redirect_uris": [CALLBACK], "software_statement": statement}
    response = app.test_client().post("/register", json=asked, headers=bearer)
    assert (response.status_code, response.json["error"]) == (400, "unapproved_software_statement")


# -- one kind of token is not another ---------------------------------------------------------------------------------


def test_an_id_token_opens_nothing(app: Flask, wlkp: RelyingParty, browser: FlaskClient) -> None:
    token = id_token(wlkp, browser)
    assert wlkp.userinfo(token).status_code == 401
    assert wlkp.post("/introspect", token=token).json == {"active": False}
    assert wlkp.refresh(token).json["error"] == "invalid_grant"
    assert wlkp.redeem(token).json["error"] == "invalid_grant"


def test_an_access_or_refresh_token_is_no_hint_and_no_other_token(wlkp: RelyingParty, browser: FlaskClient) -> None:
    given = wlkp.redeem(wlkp.code(browser)).json
    for name in ("access_token", "refresh_token"):
        told = answer(browser.get(wlkp.url(prompt="none", id_token_hint=given[name])))
        assert told["error"] in ("invalid_request", "login_required")
    assert wlkp.refresh(given["access_token"]).json["error"] == "invalid_grant"
    assert wlkp.userinfo(given["refresh_token"]).status_code == 401


def test_what_a_client_signs_for_one_purpose_serves_no_other(signer: RelyingParty, browser: FlaskClient) -> None:
    request = signed({"iss": signer.id, "aud": signer.issuer, "client_id": signer.id, "exp": clock.timestamp() + 60})
    assert with_assertion(signer, request).json["error"] == "invalid_client"
    assert answer(browser.get(signer.url(prompt="none", id_token_hint=request)))["error"] in ("invalid_request", "login_required")


def test_a_logout_token_is_nothing_else(
    app: Flask, wlkp: RelyingParty, middle: RelyingParty, browser: FlaskClient, siti: str
) -> None:
    with app.app_context():
        sid = single_sign_on.of_account(siti)[0]["sid"]
        token = back_channel.logout_token(app.extensions["idp.clients"].find("wlkp"), siti, sid)
    assert wlkp.userinfo(token).status_code == 401
    assert wlkp.post("/introspect", token=token).json == {"active": False}
    assert exchange(middle, token).json["error"] == "invalid_request"
    assert with_assertion(wlkp, token).json["error"] == "invalid_client"
    assert answer(browser.get(wlkp.url(prompt="none", id_token_hint=token)))["error"] in ("invalid_request", "login_required")
    out = {"id_token_hint": token, "post_logout_redirect_uri": "https://rp.example/out"}
    assert browser.get("/logout?" + urlencode(out)).location is None
    assert wlkp.code(browser, prompt="none"), "and still signed in"
