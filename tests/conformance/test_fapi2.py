"""FAPI 2.0 Security Profile Final, clause by clause, each test naming the suite's modules that it stands for."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from idp.core import clock
from idp.oidc.clients.client import Client
from tests import loopback
from tests.conformance.fapi import CERTIFICATE, JWKS, MTLS, RSA, SIGNING, VERIFIER, FapiClient, jwt
from tests.conformance.suite import ASSERTION, CALLBACK, CODE
from tests.prover import Prover
from tests.service_certificates import certified

Make = Callable[..., FapiClient]


@pytest.fixture
def at() -> Iterator[Any]:
    """A clock that stands still; asked for first, so that the person registers under it."""
    with time_machine.travel(clock.now(), tick=False) as moved:
        yield moved


@pytest.fixture
def fapi(house: Any, siti: Any) -> Iterator[Make]:
    """Clients whose entry says `profile: fapi2` or `fapi2-signed`, and little more; a proxy hands certificates over."""
    before = house.app.extensions["idp.settings"]
    changes = {"mtls_url": f"https://{MTLS}", "trusted_proxies": ("127.0.0.1",)}
    house.app.extensions["idp.settings"] = before.model_copy(update=changes)

    def made(client_id: str = "fapi", signed: bool = False, certificates: str = "", **changes: Any) -> FapiClient:
        by, bound = "auth" in certificates, "bound" in certificates
        entry: dict[str, Any] = {
            "client_id": client_id, "client_name": "JKP", "redirect_uris": (CALLBACK,), "jwks": JWKS, "first_party": True,
            "grant_types": ("authorization_code", "refresh_token", "client_credentials"), "scope": "openid profile email api",
            "profile": "fapi2-signed" if signed else "fapi2",
        }  # fmt: skip
        entry |= {"token_endpoint_auth_method": "self_signed_tls_client_auth"} if by else {}
        entry |= {"tls_client_certificate_bound_access_tokens": True} if bound else {}
        house.app.extensions["idp.clients"].known[client_id] = Client.model_validate(entry | changes)
        return FapiClient(house.issuer, client_id, siti, CODE, by_certificate=by, bound_by_certificate=bound, signed=signed)

    yield made
    house.app.extensions["idp.settings"] = before


def refused(answer: Any, *errors: str) -> bool:
    """400 or 401 with one of these errors."""
    assert answer.status_code in (400, 401), (answer.status_code, answer.text)
    assert answer.json()["error"] in errors, answer.json()
    return True


def signs_in(client: FapiClient, **asked: str | None) -> str:
    """A code, come the whole way."""
    given = client.follows(client.pushes(**asked))
    assert "error" not in given, given
    return str(given["code"])


@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
@pytest.mark.parametrize(
    "certificates", ["", "bound", "auth", "auth bound"], ids=["jwt+dpop", "jwt+mtls", "mtls+dpop", "mtls+mtls"]
)
def test_happy_flow(fapi: Make, certificates: str, signed: bool) -> None:
    """HappyFlow, RefreshToken, EnsureHolderOfKeyRequired; FAPI 2.0 SP 5.3.2.1: refresh tokens are not rotated."""
    client = fapi(signed=signed, certificates=certificates)
    given = client.follows(client.pushes(scope="openid email"))
    assert given["state"] == client.state
    told = client.redeems_code(given["code"])
    assert told.status_code == 200, told.text
    tokens = told.json()
    assert tokens["token_type"] == ("Bearer" if client.bound_by_certificate else "DPoP")
    claims = client.verified(tokens["id_token"])
    assert (claims["nonce"], "sid" in claims) == (client.nonce, False)
    assert client.userinfo(tokens["access_token"]).json()["sub"] == claims["sub"]
    assert (
        loopback.get(f"{client.issuer}/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).status_code
        == 401
    )
    for _ in range(3):
        again = client.sends_form("/token", client.proof(), grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert (again.status_code, "refresh_token" in again.json()) == (200, False)
        assert client.userinfo(again.json()["access_token"]).status_code == 200


def test_what_may_be_left_out_and_how_long_it_may_be(fapi: Make) -> None:
    """…WithoutStateSuccess, …WithoutNonceSuccess, …With64CharNonceSuccess, …WithLongNonce, …WithLongState,
    EnsureOtherScopeOrderSucceeds, TestClaimsParameterIdentityClaims."""
    client = fapi()
    given = client.follows(client.pushes(state=None, nonce=None, scope="email openid"))
    assert "state" not in given
    assert "nonce" not in client.verified(client.redeems_code(given["code"]).json()["id_token"])
    named = '{"id_token":{"email":null},"userinfo":{"email":null}}'
    given = client.follows(client.pushes(state="s" * 1000, nonce="n" * 64, claims=named))
    assert given["state"] == "s" * 1000
    claims = client.verified(client.redeems_code(given["code"]).json()["id_token"])
    assert (claims["nonce"], claims["email"]) == ("n" * 64, client.person.email)


def test_the_person_says_no(fapi: Make) -> None:
    """UserRejectsAuthentication, plainly and in JARM: errors come signed too."""
    for signed in (False, True):
        client = fapi(f"third-{signed}", signed=signed, first_party=False)
        client.opens(client.pushes())
        if "identifier" in str([form.fields for form in client.browser.page.forms]):
            client.browser.submit(identifier=client.person.nik, password=client.person.password)
        client.browser.submit(button=("decision", "deny"))
        given = client.reads()
        assert (given["error"], given["state"]) == ("access_denied", client.state)


def test_nothing_in_the_open(fapi: Make) -> None:
    """EnsureUnsignedAuthorizationRequestWithoutUsingParFails, and a signed one neither; FAPI 2.0 SP 5.3.2.2: PAR alone."""
    from urllib.parse import urlencode

    for signed in (False, True):
        client = fapi(signed=signed)
        signed_request = {"client_id": client.client_id, "request": client.request_object(), "response_type": "code"}
        for query in (client.wants(), client.wants(response_mode=None), signed_request):
            client.browser.open(f"{client.issuer}/authorize?{urlencode(query)}")
            assert client.reads()["error"] == "invalid_request"


WRONG_ASSERTIONS: dict[str, Callable[[FapiClient], dict[str, str]]] = {
    "RS256": lambda c: c.assertion(RSA, "RS256"),
    "none": lambda c: c.assertion(alg="none"),
    "an array": lambda c: c.assertion(aud=[c.issuer]),
    "the token endpoint": lambda c: c.assertion(aud=f"{c.issuer}/token"),
    "the PAR endpoint": lambda c: c.assertion(aud=f"{c.issuer}/par"),
    "the PAR endpoint in an array": lambda c: c.assertion(aud=[f"{c.issuer}/par", c.issuer]),
    "somebody else": lambda c: c.assertion(aud="https://other.example"),
    "no aud": lambda c: c.assertion(aud=None),
    "expired five minutes ago": lambda c: c.assertion(exp=clock.timestamp() - 300),
    "no exp": lambda c: c.assertion(exp=None),
    "no sub": lambda c: c.assertion(sub=None),
    "no jti": lambda c: c.assertion(jti=None),
    "of the future": lambda c: c.assertion(iat=clock.timestamp() + 65, nbf=clock.timestamp() + 65, exp=clock.timestamp() + 120),
    "of another key": lambda c: c.assertion(RSA, "PS256", iss="other"),
    "a secret": lambda c: {"client_assertion": "x", "client_assertion_type": ASSERTION},
}  # fmt: skip


def test_assertions_at_par_and_token(fapi: Make, subtests: pytest.Subtests) -> None:
    """EnsureSignedClientAssertionWithRS256Fails, EnsureClientAssertionInTokenEndpoint, …ExpIs5MinutesInPast, …WrongAud, …NoSub,
    PAREndpointAsArrayAudienceFails, PAREndpointAsAudienceFails, PARTokenEndpointAsAudienceFails, …IatNbf8SecondsInTheFuture…,
    …IatNbfOver60SecondsInTheFutureFails."""
    client = fapi()
    for what, make in WRONG_ASSERTIONS.items():
        with subtests.test(what):
            assert refused(client.sends_form("/par", **client.wants() | make(client)), "invalid_client", "invalid_request")
            form = {"grant_type": "client_credentials", "scope": "api"}
            assert refused(
                client.sends_form("/token", client.proof(), **form | make(client)), "invalid_client", "invalid_request"
            )
    nearly = client.assertion(iat=clock.timestamp() + 8, nbf=clock.timestamp() + 8)
    assert client.sends_form("/par", **client.wants() | nearly).status_code == 201
    assert client.sends_form("/token", client.proof(), grant_type="client_credentials", scope="api").status_code == 200


def test_pushed_requests_that_are_refused(fapi: Make, subtests: pytest.Subtests) -> None:
    """PARRejectRequestUriInParAuthorizationFormParams / …Request, PARRejectInvalidHttpVerb, PAREnsurePKCERequired,
    PAREnsurePlainPKCERejected, ParWithoutDuplicateParameters, EnsureRegisteredRedirectUri, EnsureRedirectUriInAuthorizationRequest,
    EnsureResponseTypeCodeIdTokenFails, …TokenFails."""
    client = fapi()
    wrong: dict[str, dict[str, str | None]] = {
        "by reference": {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
        "no PKCE": {"code_challenge": None, "code_challenge_method": None},
        "plain PKCE": {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        "no redirect_uri": {"redirect_uri": None},
        "another redirect_uri": {"redirect_uri": "https://evil.example/callback"},
        "code id_token": {"response_type": "code id_token"},
        "token": {"response_type": "token"},
        "no response type": {"response_type": None},
    }
    for what, changes in wrong.items():
        with subtests.test(what):
            assert refused(client.pushes(**changes), "invalid_request", "unsupported_response_type", "unauthorized_client")
    twice = "&".join(f"{name}={value}" for name, value in {"client_id": client.client_id, **client.assertion()}.items())
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refused(
        loopback.post(f"{client.issuer}/par", content=f"{twice}&scope=openid&scope=email", headers=kind), "invalid_request"
    )
    assert loopback.get(f"{client.issuer}/par").status_code == 405


def test_a_request_uri_is_used_up_by_the_answer_and_by_time(at: Any, fapi: Make) -> None:
    """PAREnsureServerAcceptsReusedRequestUriBeforeAuthenticationCompletion, PARAttemptReuseRequestUri,
    PARAttemptToUseExpiredRequestUri, PAREnsureRequestUriIsBoundToClient."""
    client, other = fapi(), fapi("other")
    pushed = client.pushes()
    assert 0 < pushed.json()["expires_in"] < 600
    client.opens(pushed)
    assert "code" in client.follows(pushed), "looked at twice"
    client.opens(pushed)
    assert client.browser.page.error == "invalid_request_uri"
    foreign = client.pushes()
    other.browser.open(other.address(foreign))
    assert other.browser.page.error == "invalid_request_uri"
    late = client.pushes()
    at.shift(601)
    client.opens(late)
    assert client.browser.page.error == "invalid_request_uri"


def test_codes_that_are_refused(at: Any, fapi: Make) -> None:
    """PAREnsurePKCECodeVerifierRequired, PARIncorrectPKCECodeVerifierRejected, EnsureAuthorizationCodeIsBoundToClient,
    EnsureClientIdInTokenEndpoint, AttemptReuseAuthorizationCodeAfterOneSecond, AttemptToUseExpiredAuthCode,
    EnsureHolderOfKeyRequired, EnsureTokenEndpointFailsWithMismatchedDpopProofJkt / …DpopJkt, EnsureMismatchedDpopJktFails,
    EnsureDpopProofAtParEndpointBindingSuccess, EnsureDpopAuthCodeBindingSuccess."""
    client, other = fapi(), fapi("other")
    for changes in ({"code_verifier": None}, {"code_verifier": "w" * 64}, {"redirect_uri": "https://evil.example/callback"}):
        assert refused(client.redeems_code(signs_in(client), **changes), "invalid_grant")
    assert refused(other.redeems_code(signs_in(client)), "invalid_grant")
    assert refused(client.redeems_code(code := signs_in(client), client_id="other"), "invalid_client")
    assert refused(client.redeems_code(code, headers={}), "invalid_dpop_proof")
    first = client.redeems_code(code)
    assert first.status_code == 200
    at.shift(1)
    assert refused(client.redeems_code(code), "invalid_grant")
    assert client.userinfo(first.json()["access_token"]).status_code == 401, "what it gave is dead"
    late = signs_in(client)
    at.shift(61)
    assert refused(client.redeems_code(late), "invalid_grant")
    thief = Prover(client.issuer)
    bound = signs_in(client, dpop_jkt=client.prover.thumbprint)
    assert refused(client.redeems_code(bound, headers=client.proof(thief)), "invalid_grant")
    by_proof = client.follows(client.pushes({"DPoP": client.prover.proof("/par")}))["code"]
    assert refused(client.redeems_code(by_proof, headers=client.proof(thief)), "invalid_grant")
    assert client.redeems_code(signs_in(client, dpop_jkt=client.prover.thumbprint)).status_code == 200
    mixed = client.pushes({"DPoP": client.prover.proof("/par")}, dpop_jkt=thief.thumbprint)
    assert refused(mixed, "invalid_request", "invalid_dpop_proof")


def test_another_certificate_is_another_client(fapi: Make) -> None:
    """EnsureHolderOfKeyRequired and EnsureClientIdInTokenEndpoint with mutual TLS."""
    client = fapi(certificates="auth bound")
    code = signs_in(client)
    for wrong in (certified("suite"), None):
        shown = {"Host": MTLS} | ({"Client-Cert": wrong.escaped} if wrong else {"Client-Cert": ""})
        assert refused(client.redeems_code(code, headers=shown), "invalid_client")
    tokens = client.redeems_code(code).json()
    client.certificate = certified("suite")
    assert client.userinfo(tokens["access_token"]).status_code == 401
    client.certificate = CERTIFICATE
    assert client.userinfo(tokens["access_token"]).status_code == 200


# -- FAPI 2.0 Message Signing ------------------------------------------------------------------------------------------

HOUR = 3600
WRONG_OBJECTS: dict[str, Callable[[FapiClient], str]] = {
    "no exp": lambda c: c.request_object(exp=None),
    "no nbf": lambda c: c.request_object(nbf=None),
    "no aud": lambda c: c.request_object(aud=None),
    "no redirect_uri": lambda c: c.request_object(redirect_uri=None),
    "expired": lambda c: c.request_object(nbf=clock.timestamp() - 600, exp=clock.timestamp() - 300),
    "another aud": lambda c: c.request_object(aud="https://other.example"),
    "exp too far": lambda c: c.request_object(exp=clock.timestamp() + HOUR + 600),
    "nbf too long ago": lambda c: c.request_object(nbf=clock.timestamp() - HOUR - 600),
    "nbf ahead": lambda c: c.request_object(nbf=clock.timestamp() + 120, exp=clock.timestamp() + 300),
    "RS256": lambda c: c.request_object(RSA, "RS256"),
    "none": lambda c: c.request_object(alg="none"),
    "another signature": lambda c: c.request_object().rpartition(".")[0] + "." + c.request_object().rpartition(".")[2],
    "a request_uri inside": lambda c: c.request_object(request_uri="urn:ietf:params:oauth:request_uri:x"),
    "an assertion": lambda c: c.request_object(typ="client-authentication+jwt"),
    "a plain answer": lambda c: c.request_object(response_mode="query"),
    "no response mode": lambda c: c.request_object(response_mode=None),
}


def test_request_objects_that_are_refused(fapi: Make, subtests: pytest.Subtests) -> None:
    """EnsureRequestObjectWithoutExp/NbfFails, …WithoutRedirectUriFails, …Expired…, …BadAud…, …ExpOver60…, …NbfOver60…,
    …RS256Fails, …AlgorithmIsNotNone, …InvalidSignatureFails, EnsureUnsignedRequestAtParEndpointFails,
    EnsureMatchingKeyInAuthorizationRequest, PARRejectRequestUriInParAuthorizationRequest."""
    client = fapi(signed=True)
    for what, make in WRONG_OBJECTS.items():
        with subtests.test(what):
            assert refused(client.sends_form("/par", request=make(client)), "invalid_request", "invalid_request_object")
    assert refused(client.sends_form("/par", **client.wants()), "invalid_request", "invalid_request_object")


def test_request_objects_that_are_taken(fapi: Make) -> None:
    """EnsureServerAcceptsRequestObjectWithMultipleAud, …WithNbf8SecondsInTheFutureIsAccepted, StateOnlyOutsideRequestObjectNotUsed,
    EnsureDifferentNonce/StateInsideAndOutsideRequestObject."""
    client = fapi(signed=True)
    for changes in ({"aud": [client.issuer, "https://other.example"]}, {"nbf": clock.timestamp() + 8}, {"typ": "JWT"}):
        assert client.sends_form("/par", request=client.request_object(**changes)).status_code == 201, changes
    inside = client.request_object(state=None, nonce="inside")
    given = client.follows(client.sends_form("/par", request=inside, state="outside", nonce="outside"))
    assert "state" not in given
    assert client.verified(client.redeems_code(given["code"]).json()["id_token"])["nonce"] == "inside"


def test_introspection_is_signed_for_whoever_asks_so(fapi: Make) -> None:
    """RFC 9701: a type of its own, for this resource server alone, nothing of the token outside of `token_introspection`."""
    client = fapi(signed=True, introspection_signed_response_alg="ES256")
    token = client.redeems_code(signs_in(client)).json()["access_token"]
    told = client.sends_form("/introspect", {"Accept": "application/token-introspection+jwt"}, token=token)
    assert told.headers["Content-Type"] == "application/token-introspection+jwt"
    stated = client.verified_answer(told.text)
    assert (stated["iss"], stated["aud"], stated.keys()) == (client.issuer, "fapi", {"iss", "aud", "iat", "token_introspection"})
    assert stated["token_introspection"]["cnf"] == {"jkt": client.prover.thumbprint}
    assert client.sends_form("/introspect", token=token).json()["active"] is True
    assert loopback.get(f"{client.issuer}/userinfo", headers={"Authorization": f"Bearer {told.text}"}).status_code == 401


def test_what_cannot_be_encrypted_is_not_sent(fapi: Make) -> None:
    """Fails closed: an answer that the client wants encrypted never leaves in the clear, nor does an error about it."""
    only_elliptic = {"keys": [SIGNING.as_dict(private=False)]}
    client = fapi(jwks=only_elliptic, authorization_encrypted_response_alg="RSA-OAEP-256")
    client.opens(client.pushes(response_mode="jwt"))
    client.drives()
    assert (client.browser.url_of_service, client.browser.page.status) == (None, 503)
    assert client.browser.page.error == "temporarily_unavailable"


def test_no_jwt_is_taken_for_another(fapi: Make) -> None:
    """A signed answer is neither a token nor a hint nor an assertion; a proof is no assertion."""
    client = fapi(signed=True)
    client.follows(client.pushes())
    answer = client._arrived(client.browser, "?")["response"]
    assert client.userinfo(answer).status_code == 401
    hinted = client.follows(client.pushes(id_token_hint=answer)) if client.pushes(id_token_hint=answer).status_code == 201 else {}
    assert "code" not in hinted
    for token in (answer, client.prover.proof("/par"), jwt({"sub": client.client_id}, SIGNING)):
        assert refused(client.sends_form("/par", client_assertion=token, client_assertion_type=ASSERTION), "invalid_client")
