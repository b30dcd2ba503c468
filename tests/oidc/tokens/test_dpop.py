"""DPoP (RFC 9449): tokens, refresh tokens and codes bound to a key; every proof that does not hold is refused, each once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from werkzeug.test import TestResponse

from idp.core import clock, crypto
from idp.oidc import algorithms
from idp.oidc.clients.rules import DEVICE_CODE_GRANT
from idp.oidc.tokens import access_tokens, signing_keys
from tests.oidc.conftest import CALLBACK, VERIFIER, RelyingParty, answer
from tests.oidc.device.test_device import GRANTS as DEVICE_GRANTS
from tests.oidc.device.test_device import allow
from tests.oidc.tokens.test_token_exchange import MIDDLE, TYPE
from tests.prover import Prover
from tests.waiting import settle

API = "https://api.example.go.id/"
RSA = RSAKey.generate_key(2048)


@pytest.fixture
def at() -> Iterator[Any]:
    with time_machine.travel(clock.now(), tick=False) as moved:
        yield moved


@pytest.fixture
def prover(wlkp: RelyingParty) -> Prover:
    return Prover(wlkp.issuer)


@pytest.fixture
def public(register: Callable[..., RelyingParty]) -> RelyingParty:
    """An app: without a secret, what it refreshes with is bound to its key."""
    grants = ("authorization_code", "refresh_token")
    return register("app", token_endpoint_auth_method="none", client_secret_hash=None, grant_types=grants)


def ask(party: RelyingParty, proof: str | None, **form: str) -> TestResponse:
    """A request to the token endpoint with this proof."""
    confidential = party.app.extensions["idp.clients"].find(party.id).token_endpoint_auth_method != "none"
    headers = (party.basic if confidential else {}) | ({"DPoP": proof} if proof is not None else {})
    return party.app.test_client().post("/token", data={"client_id": party.id} | form, headers=headers)


def redeem(party: RelyingParty, code: str, proof: str | None) -> TestResponse:
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return ask(party, proof, **asked)


def refresh(party: RelyingParty, token: str, proof: str | None) -> TestResponse:
    return ask(party, proof, grant_type="refresh_token", refresh_token=token)


def bound_token(party: RelyingParty, browser: FlaskClient, prover: Prover, **asked: str) -> str:
    given = redeem(party, party.code(browser, **asked), prover.proof("/token"))
    assert (given.status_code, given.json["token_type"]) == (200, "DPoP"), given.json
    return str(given.json["access_token"])


def userinfo(app: Flask, headers: dict[str, str], method: str = "GET") -> TestResponse:
    return app.test_client().open("/userinfo", method=method, headers=headers)


def test_a_bound_token_opens_userinfo_with_its_key_and_nothing_without(
    app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover
) -> None:
    token = bound_token(wlkp, browser, prover)
    assert userinfo(app, prover.header("/userinfo", "GET", token)).json["email"] == "siti@example.com"
    for scheme in ("dpop", "DPOP", "dPoP"):  # RFC 9110 section 11.1
        headers = prover.header("/userinfo", "POST", token) | {"Authorization": f"{scheme} {token}"}
        assert userinfo(app, headers, "POST").status_code == 200
    thief = Prover(wlkp.issuer)
    bare = {"Authorization": f"DPoP {token}"}
    for headers in (bare, thief.header("/userinfo", "GET", token), {"Authorization": f"Bearer {token}"},
                    prover.header("/userinfo", "GET", token) | {"Authorization": f"Bearer {token}"}):  # fmt: skip
        refused = userinfo(app, headers)
        assert (refused.status_code, "email" in refused.text) == (401, False)
    in_body = app.test_client().post("/userinfo", data={"access_token": token}, headers={"DPoP": prover.proof("/userinfo")})
    assert in_body.status_code == 401


def test_a_bearer_token_is_none_of_this_scheme(app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover) -> None:
    """RFC 9449 section 7.1: a proof beside a token that is bound to nothing says nothing."""
    token = wlkp.redeem(wlkp.code(browser)).json["access_token"]
    assert userinfo(app, prover.header("/userinfo", "GET", token)).status_code == 401
    assert wlkp.userinfo(token).status_code == 200


def test_challenges_name_both_schemes_and_the_error_with_the_one_that_was_used(
    app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover
) -> None:
    token = bound_token(wlkp, browser, prover)
    nothing = userinfo(app, {}).headers.getlist("WWW-Authenticate")
    assert nothing == ["Bearer", 'DPoP algs="PS256 ES256 EdDSA"']
    first, second = userinfo(app, prover.header("/userinfo", "PUT", token)).headers.getlist("WWW-Authenticate")
    assert first.startswith('DPoP error="invalid_dpop_proof", error_description="')
    assert (first.endswith('algs="PS256 ES256 EdDSA"'), second) == (True, "Bearer")
    downgraded = userinfo(app, {"Authorization": f"Bearer {token}"}).headers.getlist("WWW-Authenticate")
    assert downgraded[0].startswith('Bearer error="invalid_token"')
    assert downgraded[1] == 'DPoP algs="PS256 ES256 EdDSA"'


def test_whoever_may_read_a_token_reads_what_it_is_bound_to(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient, prover: Prover
) -> None:
    party = register("wlkp", resources=(API,))
    opaque, jwt = bound_token(party, browser, prover), bound_token(party, browser, prover, resource=API)
    for token in (opaque, jwt):
        told = party.post("/introspect", token=token).json
        assert (told["cnf"], told["token_type"]) == ({"jkt": prover.thumbprint}, "DPoP")
    with app.app_context():
        stated = signing_keys.verify(jwt, access_tokens.JWT_TYPE)
    assert stated is not None
    assert stated["cnf"] == {"jkt": prover.thumbprint}
    given = ask(party, prover.proof("/token"), grant_type="client_credentials", scope="api").json
    assert party.post("/introspect", token=given["access_token"]).json["cnf"] == {"jkt": prover.thumbprint}


@pytest.mark.parametrize(("algorithm", "key"), [("PS256", RSA), ("EdDSA", OKPKey.generate_key("Ed25519"))])
def test_each_algorithm_that_is_advertised(wlkp: RelyingParty, algorithm: str, key: Any) -> None:
    proof = Prover(wlkp.issuer, key, algorithm).proof("/token")
    given = ask(wlkp, proof, grant_type="client_credentials", scope="api").json
    assert given.get("token_type") == "DPoP", given


def test_what_is_equal_to_the_address_is_the_address(wlkp: RelyingParty, prover: Prover) -> None:
    """RFC 9449 section 4.3: without query and fragment, and normalized as RFC 3986 section 6.2 says."""
    port = urlsplit(wlkp.issuer).port
    for htu in (f"{wlkp.issuer}/token?a=b", f"{wlkp.issuer}/token#f", f"HTTP://127.0.0.1:{port}/token", f"{wlkp.issuer}/t%6Fken"):
        assert ask(wlkp, prover.proof("/token", htu=htu), grant_type="client_credentials", scope="api").status_code == 200, htu
    extra = prover.proof("/token", header={"tx_id": 7}, unheard_of={"of": 1})
    assert ask(wlkp, extra, grant_type="client_credentials", scope="api").status_code == 200


def test_the_default_port_goes_without_saying(make_app: Callable[..., Flask]) -> None:
    from idp.oidc.tokens.dpop import _normalized

    assert _normalized("https://ID.example.go.id:443/token") == _normalized("https://id.example.go.id/token")
    assert _normalized("https://id.example.go.id:444/token") != _normalized("https://id.example.go.id/token")
    assert _normalized("http://id.example.go.id/token") != _normalized("https://id.example.go.id/token")


def short(prover: Prover) -> str:
    """A proof with an RSA key of 1024 bits, its signature as it should be."""
    key = rsa.generate_private_key(65537, 1024)
    n, e = (crypto.b64(number.to_bytes(size, "big")) for number, size in ((key.public_key().public_numbers().n, 128), (65537, 3)))
    said = prover.proof("/token", header={"alg": "other", "jwk": {"kty": "RSA", "n": n, "e": e}}).split(".")[1]
    head = crypto.b64(orjson.dumps({"typ": "dpop+jwt", "alg": "PS256", "jwk": {"kty": "RSA", "n": n, "e": e}}))
    return f"{head}.{said}.{crypto.b64(algorithms.signing('PS256').signer(key)(f'{head}.{said}'.encode()))}"


WRONG: dict[str, Callable[[Prover], str]] = {
    "nothing": lambda p: "",
    "no JWT": lambda p: "a.b.c",
    "two of them": lambda p: f"{p.proof('/token')},{p.proof('/token')}",
    "two parts": lambda p: p.proof("/token").rpartition(".")[0],
    "a huge one": lambda p: p.proof("/token", padding="x" * 9000),
    "a deep one": lambda p: f"{crypto.b64(b'[' * 3000)}.{crypto.b64(b'{}')}.AA",
    "another typ": lambda p: p.proof("/token", header={"typ": "JWT"}),
    "no typ": lambda p: p.proof("/token", header={"typ": None}),
    "no alg": lambda p: p.proof("/token", header={"alg": None}),
    "none": lambda p: p.proof("/token", header={"alg": "none"}),
    "RS256": lambda p: p.proof("/token", header={"alg": "RS256", "jwk": RSA.as_dict(private=False)}, key=RSA),
    "a public key as a secret": lambda p: p.proof("/token", header={"alg": "HS256"}, key=OctKey.import_key("x" * 32)),
    "no jwk": lambda p: p.proof("/token", header={"jwk": None}),
    "a private key": lambda p: p.proof("/token", header={"jwk": p.key.as_dict(private=True)}),
    "a jwk of another kind": lambda p: p.proof("/token", header={"jwk": RSA.as_dict(private=False)}),
    "another curve": lambda p: p.proof("/token", header={"jwk": ECKey.generate_key("P-384").as_dict(private=False)}),
    "a jwk of rubbish": lambda p: p.proof("/token", header={"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": 7}}),
    "signed with another key": lambda p: p.proof("/token", key=ECKey.generate_key("P-256")),
    "too short a key": lambda p: short(p),
    "a critical extension": lambda p: p.proof("/token", header={"crit": ["kid"], "kid": "a"}),
    "no jti": lambda p: p.proof("/token", jti=None),
    "an empty jti": lambda p: p.proof("/token", jti=""),
    "a jti of another type": lambda p: p.proof("/token", jti=["a"]),
    "a jti without end": lambda p: p.proof("/token", jti="x" * 513),
    "no htm": lambda p: p.proof("/token", htm=None),
    "another htm": lambda p: p.proof("/token", htm="PUT"),
    "no htu": lambda p: p.proof("/token", htu=None),
    "another htu": lambda p: p.proof("/userinfo"),
    "another host": lambda p: p.proof("/token", htu="https://evil.example/token"),
    "a host behind a name": lambda p: p.proof("/token", htu=p.issuer.replace("//", "//a@") + "/token"),
    "no address": lambda p: p.proof("/token", htu="http://[:99999/token"),
    "no iat": lambda p: p.proof("/token", iat=None),
    "an iat of another type": lambda p: p.proof("/token", iat=True),
    "expired": lambda p: p.proof("/token", exp=clock.timestamp() - 40),
    "not valid yet": lambda p: p.proof("/token", nbf=clock.timestamp() + 3600),
}  # fmt: skip


def test_no_proof_that_does_not_hold_is_taken_for_one(
    wlkp: RelyingParty, browser: FlaskClient, prover: Prover, subtests: pytest.Subtests
) -> None:
    """RFC 9449 section 4.3, number by number; and the code survives, so that the client can try again."""
    code = wlkp.code(browser)
    for what, make in WRONG.items():
        with subtests.test(what):
            refused = redeem(wlkp, code, make(prover))
            assert (refused.status_code, refused.json["error"]) == (400, "invalid_dpop_proof")
            assert refused.headers["DPoP-Nonce"]
    assert redeem(wlkp, code, prover.proof("/token")).status_code == 200


def test_a_proof_is_for_one_token(app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover) -> None:
    """RFC 9449 section 4.3 number 12: `ath`, else a proof seen with one token would open every other of that key."""
    first, second = (bound_token(wlkp, browser, prover) for _ in range(2))
    for wrong in ({"token": second}, {"ath": crypto.digest(second)}, {"ath": None}, {"ath": 7}):
        made = prover.proof("/userinfo", "GET", **{"token": first} | wrong)
        told = userinfo(app, {"Authorization": f"DPoP {first}", "DPoP": made})
        assert (told.status_code, told.json["error"]) == (401, "invalid_dpop_proof"), wrong


def test_a_proof_counts_once_for_however_many_ask_at_once(
    app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover
) -> None:
    """Replay: of twenty requests with one proof exactly one is served, at the token endpoint, at userinfo and at /par."""
    token = bound_token(wlkp, browser, prover)
    proofs = [prover.proof("/token"), prover.proof("/userinfo", "GET", token), prover.proof("/par")]
    push = {name: values[0] for name, values in parse_qs(urlsplit(wlkp.url()).query).items()}

    def at_token(_: int) -> int:
        return ask(wlkp, proofs[0], grant_type="client_credentials", scope="api").status_code

    def at_userinfo(_: int) -> int:
        return userinfo(app, {"Authorization": f"DPoP {token}", "DPoP": proofs[1]}).status_code

    def at_par(_: int) -> int:
        return app.test_client().post("/par", data=push, headers=wlkp.basic | {"DPoP": proofs[2]}).status_code

    with ThreadPoolExecutor(8) as pool:
        for one, served, refused in ((at_token, 200, 400), (at_userinfo, 200, 401), (at_par, 201, 400)):
            assert sorted(pool.map(one, range(20))) == [served] + [refused] * 19


def test_a_replayed_proof_neither_refreshes_nor_harms(wlkp: RelyingParty, browser: FlaskClient, prover: Prover) -> None:
    given = redeem(wlkp, wlkp.code(browser), seen := prover.proof("/token")).json
    refused = refresh(wlkp, given["refresh_token"], seen)
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_dpop_proof")
    assert refresh(wlkp, given["refresh_token"], prover.proof("/token")).status_code == 200


def test_what_leads_nowhere_leaves_nothing_behind(app: Flask, wlkp: RelyingParty, prover: Prover) -> None:
    """Nothing is kept for a stranger: a right proof with a wrong token is not remembered."""
    token = "00" + "x" * 43
    userinfo(app, prover.header("/userinfo", "GET", token))
    redeem(wlkp, token, prover.proof("/token"))
    assert not [key for key in app.extensions["idp.storage.redis_store"].redis.keys("dpop:*")]


def test_a_public_client_refreshes_with_the_same_key_only(public: RelyingParty, browser: FlaskClient, prover: Prover) -> None:
    """RFC 9449 section 5: it has no secret, so that its refresh token stolen would be enough."""
    given = redeem(public, public.code(browser), prover.proof("/token")).json
    for proof in (None, Prover(public.issuer).proof("/token")):
        refused = refresh(public, given["refresh_token"], proof)
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_grant")
    again = refresh(public, given["refresh_token"], prover.proof("/token"))
    assert (again.status_code, again.json["token_type"]) == (200, "DPoP")
    assert refresh(public, again.json["refresh_token"], None).json["error"] == "invalid_grant"


def test_a_confidential_client_may_take_another_key(wlkp: RelyingParty, browser: FlaskClient, prover: Prover) -> None:
    """RFC 9449 section 5: its refresh tokens are bound to its authentication."""
    given = redeem(wlkp, wlkp.code(browser), prover.proof("/token")).json
    other = Prover(wlkp.issuer)
    again = refresh(wlkp, given["refresh_token"], other.proof("/token")).json
    assert wlkp.post("/introspect", token=again["access_token"]).json["cnf"] == {"jkt": other.thumbprint}


def test_a_client_that_must_prove_gets_nothing_without(
    register: Callable[..., RelyingParty], browser: FlaskClient, prover: Prover
) -> None:
    """RFC 9449 section 5.2: `dpop_bound_access_tokens`, at each grant."""
    party = register("wlkp", dpop_bound_access_tokens=True)
    code = party.code(browser)
    assert redeem(party, code, None).json["error"] == "invalid_dpop_proof"
    assert ask(party, None, grant_type="client_credentials", scope="api").json["error"] == "invalid_dpop_proof"
    given = redeem(party, code, prover.proof("/token")).json
    assert refresh(party, given["refresh_token"], None).json["error"] == "invalid_dpop_proof"
    with pytest.raises(ValueError, match="no redirect has a proof"):
        register("old", dpop_bound_access_tokens=True, profile="legacy", response_types=("code token",))


# -- codes bound to a key ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["in the address", "pushed", "by a proof", "by both"])
def test_a_code_of_a_key_is_redeemed_with_that_key(
    app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover, how: str
) -> None:
    """RFC 9449 section 10: a stolen code is worth nothing, not even to whoever has a key of their own."""

    def begin() -> str:
        named = {} if how == "by a proof" else {"dpop_jkt": prover.thumbprint}
        if how == "in the address":
            return wlkp.url(**named)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(wlkp.url(**named)).query).items()}
        headers = wlkp.basic | ({} if how == "pushed" else {"DPoP": prover.proof("/par")})
        pushed = app.test_client().post("/par", data=asked, headers=headers)
        assert pushed.status_code == 201, pushed.json
        return "/authorize?" + urlencode({"client_id": wlkp.id, "request_uri": pushed.json["request_uri"]})

    for proof in (None, Prover(wlkp.issuer).proof("/token")):
        refused = redeem(wlkp, answer(browser.get(begin()))["code"], proof)
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_grant")
    assert redeem(wlkp, answer(browser.get(begin()))["code"], prover.proof("/token")).status_code == 200


def test_a_pushed_request_has_one_key(app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover) -> None:
    """RFC 9449 section 10.1: thumbprint and proof must agree; a thumbprint looks like one; a wrong proof is refused here too."""
    other = Prover(wlkp.issuer)
    asked = {n: v[0] for n, v in parse_qs(urlsplit(wlkp.url(dpop_jkt=other.thumbprint)).query).items()}
    for proof, error in ((prover.proof("/par"), "invalid_request"), (prover.proof("/token"), "invalid_dpop_proof")):
        refused = app.test_client().post("/par", data=asked, headers=wlkp.basic | {"DPoP": proof})
        assert (refused.status_code, refused.json["error"]) == (400, error)
    assert answer(browser.get(wlkp.url(dpop_jkt="x")))["error"] == "invalid_request"


# -- time and nonces ---------------------------------------------------------------------------------------------------


def test_a_wrong_clock_is_helped_by_a_nonce(
    app: Flask, wlkp: RelyingParty, browser: FlaskClient, prover: Prover, at: Any
) -> None:
    """RFC 9449 sections 8 and 11.1: without a nonce `iat` counts, with one the nonce does; it changes, and all workers know it."""
    code, now = wlkp.code(browser), clock.timestamp()
    assert ask(wlkp, prover.proof("/token", iat=now + 10), grant_type="client_credentials", scope="api").status_code == 200
    assert ask(wlkp, prover.proof("/token", iat=now - 60), grant_type="client_credentials", scope="api").status_code == 200
    for wrong in (now - 3600, now - 91, now + 31, now + 3600):
        refused = redeem(wlkp, code, prover.proof("/token", iat=wrong))
        assert (refused.status_code, refused.json["error"]) == (400, "use_dpop_nonce"), wrong
    prover.nonce = refused.headers["DPoP-Nonce"]
    token = redeem(wlkp, code, prover.proof("/token", iat=now - 3600)).json["access_token"]
    at.shift(120)
    assert userinfo(app, prover.header("/userinfo", "GET", token, iat=now - 3600)).status_code == 200, "of the period before"
    at.shift(120)
    stale = userinfo(app, prover.header("/userinfo", "GET", token))
    assert (stale.status_code, stale.json["error"]) == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in stale.headers["WWW-Authenticate"]
    assert prover.nonce != stale.headers["DPoP-Nonce"]
    prover.nonce = stale.headers["DPoP-Nonce"]
    served = userinfo(app, prover.header("/userinfo", "GET", token))
    assert (served.status_code, served.headers["DPoP-Nonce"]) == (200, prover.nonce)


@pytest.mark.parametrize("with_nonce", [True, False])
def test_a_used_proof_is_remembered_for_as_long_as_it_would_count(wlkp: RelyingParty, at: Any, with_nonce: bool) -> None:
    redis = wlkp.app.extensions["idp.storage.redis_store"].redis
    prover = Prover(wlkp.issuer)
    nonce = ask(wlkp, "", grant_type="client_credentials", scope="api").headers["DPoP-Nonce"]
    proof = prover.proof("/token", iat=clock.timestamp() + 30, nonce=nonce if with_nonce else None)
    counted = 0
    while ask(wlkp, proof, grant_type="client_credentials", scope="api").status_code == 200:
        counted += 10
        life = redis.ttl(redis.keys("dpop:*")[0])
        redis.delete(*redis.keys("dpop:*"))  # as if it were forgotten: so long it would count again
        at.shift(10)
    assert 100 < counted < life


def test_a_client_may_want_a_nonce_in_every_proof(
    app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient, prover: Prover
) -> None:
    """RFC 9449 section 11.2: `dpop_nonce_required`; what was made ahead with a key held for a moment is worth nothing."""
    party = register("wlkp", dpop_nonce_required=True)
    code = party.code(browser)
    asked = redeem(party, code, prover.proof("/token"))
    assert (asked.status_code, asked.json["error"]) == (400, "use_dpop_nonce")
    prover.nonce = asked.headers["DPoP-Nonce"]
    token = redeem(party, code, prover.proof("/token")).json["access_token"]
    ahead = userinfo(app, prover.header("/userinfo", "GET", token, nonce=None))
    assert (ahead.status_code, ahead.json["error"]) == (401, "use_dpop_nonce")
    for guess in ("", 7, "x" * 43, {"nonce": 1}):
        assert userinfo(app, prover.header("/userinfo", "GET", token, nonce=guess)).status_code == 401
    assert userinfo(app, prover.header("/userinfo", "GET", token)).status_code == 200


# -- around it ---------------------------------------------------------------------------------------------------------


def test_the_device_grant_binds_too(register: Callable[..., RelyingParty], browser: FlaskClient, prover: Prover) -> None:
    television = register("tv", grant_types=DEVICE_GRANTS, dpop_bound_access_tokens=True)
    told = television.post("/device_authorization", scope="openid profile").json
    allow(browser, told["user_code"])
    form = {"grant_type": DEVICE_CODE_GRANT, "device_code": told["device_code"]}
    assert ask(television, None, **form).json["error"] == "invalid_dpop_proof"
    given = ask(television, prover.proof("/token"), **form).json
    assert given["token_type"] == "DPoP"
    assert television.post("/introspect", token=given["access_token"]).json["cnf"] == {"jkt": prover.thumbprint}


def test_exchange_binds_too(app: Flask, register: Callable[..., RelyingParty], browser: FlaskClient, prover: Prover) -> None:
    """And a bound token is exchanged by nobody who only holds it."""
    register("wlkp", resources=(API,))
    wlkp, middle = RelyingParty(app, "wlkp"), register("middle", **MIDDLE | {"dpop_bound_access_tokens": True})
    bearer = wlkp.redeem(wlkp.code(browser, scope="openid email api", resource=API)).json["access_token"]
    form = {"subject_token_type": TYPE, "resource": "https://next.example.go.id/"}
    grant = "urn:ietf:params:oauth:grant-type:token-exchange"
    given = ask(middle, prover.proof("/token"), grant_type=grant, subject_token=bearer, **form).json
    assert given["token_type"] == "DPoP"
    assert middle.post("/introspect", token=given["access_token"]).json["cnf"] == {"jkt": prover.thumbprint}
    bound = bound_token(wlkp, browser, prover, scope="openid email api", resource=API)
    refused = ask(middle, prover.proof("/token"), grant_type=grant, subject_token=bound, **form)
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")


def test_scripts_of_a_single_page_app_send_proofs_and_read_nonces(register: Callable[..., RelyingParty], prover: Prover) -> None:
    page = "https://spa.example"
    party = register("spa", cors_origins=(page,))
    asked = {"Origin": page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "dpop"}
    told = party.app.test_client().options("/token", headers=asked).headers
    assert "DPoP" in told["Access-Control-Allow-Headers"].split(", ")
    read = party.app.test_client().post("/token", headers={"Origin": page, "DPoP": prover.proof("/token")})
    assert {"DPoP-Nonce", "WWW-Authenticate"} <= set(read.headers["Access-Control-Expose-Headers"].split(", "))
    assert read.headers["DPoP-Nonce"]
    assert "DPoP-Nonce" not in party.app.test_client().post("/token", headers={"Origin": page}).headers


def test_nobody_without_a_proof_pays_for_it(wlkp: RelyingParty, browser: FlaskClient) -> None:
    """Not one command more to the store: a code flow with userinfo, with and without a proof beside it."""
    redis = wlkp.app.extensions["idp.storage.redis_store"].redis

    def commands() -> int:
        settle(wlkp.app)  # what goes on behind an answer is over before anything is counted
        told = redis.info("commandstats")
        return sum(told.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("get", "set", "evalsha", "hmget", "exists"))

    def flow(prover: Prover | None) -> int:
        code, before = wlkp.code(browser), commands()
        given = redeem(wlkp, code, prover.proof("/token") if prover else None).json["access_token"]
        headers = prover.header("/userinfo", "GET", given) if prover else {"Authorization": f"Bearer {given}"}
        assert userinfo(wlkp.app, headers).status_code == 200
        return commands() - before

    flow(None)
    assert flow(Prover(wlkp.issuer)) - flow(None) == 2, "a proof is looked up once at each of the two"
