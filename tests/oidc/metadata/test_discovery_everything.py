"""Every value that discovery advertises, used: what nobody could use must not be advertised."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask, Response
from flask.testing import FlaskClient
from joserfc import jwe, jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from werkzeug.test import TestResponse

from idp import accounts
from idp.core import clock, crypto
from idp.core.values import ACR_DATA, ACR_FULL, ACR_MFA, Authentication
from idp.oidc.clients import registration
from idp.oidc.metadata.discovery import METADATA_PATHS
from idp.sessions import single_sign_on
from idp.web import cookies
from tests.conformance.suite import Shelf, shelf
from tests.oidc.conftest import CALLBACK, SECRET, VERIFIER, RelyingParty
from tests.prover import Prover

API = "https://api.rp.example/"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
RSA, EC, ED = (
    RSAKey.generate_key(2048, auto_kid=True),
    ECKey.generate_key("P-256", auto_kid=True),
    OKPKey.generate_key("Ed25519", auto_kid=True),
)
JWKS = {"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]}
KEYS: dict[str, Key] = {"RS": RSA, "PS": RSA, "ES": EC, "Ed": ED}
ALL_TYPES = ("code", "id_token", "id_token token", "code id_token", "code token", "code id_token token")
ALL_GRANTS = ("authorization_code", "refresh_token", "client_credentials", "implicit", DEVICE, EXCHANGE)
RESTRICTED = ("nik", "birthdate", "gender", "roles")
EVERY_SCOPE = "openid offline_access profile email phone nik roles api"


@dataclass
class Walk:
    """What the uses of advertised values stand on."""

    app: Flask
    told: dict[str, Any]
    registered: Callable[..., RelyingParty]
    siti: str
    shelf: Shelf

    def party(self, **changes: Any) -> RelyingParty:
        """A client with everything, unless told otherwise; it knows its secret in plain, too."""
        entry: dict[str, Any] = {
            "grant_types": ALL_GRANTS, "response_types": ALL_TYPES, "profile": "legacy", "jwks": JWKS, "scope": EVERY_SCOPE,
            "claims": RESTRICTED, "resources": (API,), "client_secret_hash": None, "client_secret_env": "ITS_SECRET",
            "token_exchange": {"subject_clients": ("walk",), "audiences": (API,), "scope": "api"}, "resource_server": True,
        }  # fmt: skip
        made = self.registered("walk", **entry | changes)
        known = self.app.extensions["idp.clients"].known
        known["walk"] = known["walk"].with_secret(SECRET)
        return made

    def browser(self, acr: str = ACR_DATA, amr: tuple[str, ...] = ("pwd",)) -> FlaskClient:
        """Siti's, signed in this surely."""
        with self.app.test_request_context():
            given = Response()
            single_sign_on.establish(Authentication(self.siti, amr, clock.timestamp() - 5, acr), given)
            value = given.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
            name = cookies.SESSION.name
        browser = self.app.test_client()
        browser.set_cookie(name, value, domain="localhost")
        return browser

    def tokens(
        self, party: RelyingParty | None = None, browser: FlaskClient | None = None, **asked: str | None
    ) -> dict[str, Any]:
        """A code flow's tokens."""
        used = party or self.party()
        given = used.redeem(used.code(browser or self.browser(), **{"scope": EVERY_SCOPE} | asked))
        assert given.status_code == 200, given.json
        return dict(given.json)

    def get(self, url: str) -> TestResponse:
        """One of our addresses."""
        return self.app.test_client().get(url.removeprefix(self.told["issuer"]))

    def post(self, member: str, headers: dict[str, str] | None = None, **form: str) -> TestResponse:
        """A form to an advertised endpoint."""
        path = self.told[member].removeprefix(self.told["issuer"])
        return self.app.test_client().post(path, data=form, headers=headers)


def signed(algorithm: str, claims: dict[str, Any]) -> str:
    """A JWT of the client's."""
    key = OctKey.import_key(SECRET) if algorithm.startswith("HS") else KEYS[algorithm[:2]]
    header = {"alg": algorithm} | ({} if algorithm.startswith("HS") else {"kid": key.kid})
    return jws.serialize_compact(header, orjson.dumps(claims), key, algorithms=[algorithm])


def assertion(walk: Walk, algorithm: str) -> dict[str, str]:
    now = clock.timestamp()
    claims = {"iss": "walk", "sub": "walk", "aud": walk.told["issuer"], "jti": crypto.random_token(), "exp": now + 60}
    return {"client_assertion_type": ASSERTION, "client_assertion": signed(algorithm, claims)}


def arrived(answer: TestResponse, mode: str) -> dict[str, str]:
    """What the client gets, in this response mode."""
    if mode == "form_post":
        page = answer.get_data(as_text=True)
        assert f'action="{CALLBACK}"' in page
        pieces = page.split('<input type="hidden" name="')[1:]
        return {piece.partition('"')[0]: piece.partition('value="')[2].partition('"')[0] for piece in pieces}
    parts = urlsplit(answer.location)
    assert answer.location.startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(parts.query if mode == "query" else parts.fragment).items()}


# -- one use for each member -------------------------------------------------------------------------------------------


def the_issuer(walk: Walk, issuer: str) -> None:
    assert walk.party().stated(walk.tokens()["id_token"])["iss"] == issuer
    for path in METADATA_PATHS:
        assert walk.get(path).json["issuer"] == issuer


def a_page(walk: Walk, url: str) -> None:
    found = walk.get(url)
    assert (found.status_code, found.mimetype) == (200, "text/html"), url


def authorization_endpoint(walk: Walk, url: str) -> None:
    assert url + "?" == walk.told["issuer"] + walk.party().url().partition("?")[0] + "?"
    assert walk.party().code(walk.browser())


def token_endpoint(walk: Walk, url: str) -> None:
    assert walk.post("token_endpoint", walk.party().basic, grant_type="client_credentials", scope="api").status_code == 200


def userinfo_endpoint(walk: Walk, url: str) -> None:
    assert walk.party().userinfo(walk.tokens()["access_token"]).json["sub"] == walk.siti


def jwks_uri(walk: Walk, url: str) -> None:
    assert walk.get(url).json["keys"]


def introspection_endpoint(walk: Walk, url: str) -> None:
    assert walk.post("introspection_endpoint", walk.party().basic, token=walk.tokens()["access_token"]).json["active"] is True


def revocation_endpoint(walk: Walk, url: str) -> None:
    access = walk.tokens()["access_token"]
    assert walk.post("revocation_endpoint", walk.party().basic, token=access).status_code == 200
    assert walk.party().userinfo(access).status_code == 401


def end_session_endpoint(walk: Walk, url: str) -> None:
    party, browser = walk.party(), walk.browser()
    hint = walk.tokens(party, browser)["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": "https://rp.example/out", "state": "bye"}
    gone = browser.get(f"{urlsplit(url).path}?{urlencode(asked)}")
    assert gone.location == "https://rp.example/out?state=bye"
    assert "error=login_required" in browser.get(party.url(prompt="none")).location


def registration_endpoint(walk: Walk, url: str) -> None:
    with walk.app.app_context():
        bearer = {"Authorization": f"Bearer {registration.issue_initial_access_token()}"}
    made = walk.app.test_client().post(urlsplit(url).path, json={"redirect_uris": [CALLBACK]}, headers=bearer)
    assert made.status_code == 201
    assert made.json["registration_client_uri"].startswith(url + "/")


def pushed_authorization_request_endpoint(walk: Walk, url: str) -> None:
    party = walk.party()
    pushed = party.post(urlsplit(url).path, **{k: v[0] for k, v in parse_qs(urlsplit(party.url()).query).items()})
    assert pushed.status_code == 201
    short = urlencode({"client_id": party.id, "request_uri": pushed.json["request_uri"]})
    assert walk.browser().get(f"/authorize?{short}").location.startswith(CALLBACK + "?code=")


def device_authorization_endpoint(walk: Walk, url: str) -> None:
    assert walk.party().post(urlsplit(url).path, scope="openid").json["verification_uri"].startswith(walk.told["issuer"])


def ui_locales(walk: Walk, values: list[str]) -> None:
    for locale in values:
        page = walk.app.test_client().get(walk.party().url(ui_locales=f"xx {locale}-ID"), follow_redirects=True)
        assert f'<html lang="{locale}"' in page.get_data(as_text=True)


def claims_locales(walk: Walk, values: list[str]) -> None:
    for locale in values:
        assert walk.party().userinfo(walk.tokens(claims_locales=locale)["access_token"]).json["name"] == "Siti Aminah"


GIVEN_BY = {"profile": "name", "email": "email", "phone": "phone_number", "nik": "nik", "roles": "roles"}


def scopes(walk: Walk, values: list[str]) -> None:
    for scope in set(values) - {"openid", "offline_access"}:
        given = walk.tokens(scope=f"openid {scope}")
        assert set(given["scope"].split()) == {"openid", scope}
        assert walk.party().userinfo(given["access_token"]).json[GIVEN_BY[scope]], scope
    assert "id_token" not in walk.tokens(scope="email")
    browser = walk.browser()
    lasting = walk.tokens(browser=browser, scope="openid offline_access")
    browser.post("/logout/confirm", data={"confirm": "yes"})
    assert walk.party().refresh(lasting["refresh_token"]).status_code == 200


def claims_asked_for(walk: Walk, values: list[str]) -> None:
    of_the_token = {"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"}
    for name in values:
        asked = orjson.dumps({"id_token": {name: {"essential": True}}, "userinfo": {name: None}}).decode()
        given = walk.tokens(walk.party(frontchannel_logout_uri="https://rp.example/told"), scope="openid", claims=asked)
        assert walk.party().stated(given["id_token"])[name] is not None, name
        if name not in of_the_token:
            assert walk.party().userinfo(given["access_token"]).json[name] is not None, name


def response_types_and_modes(walk: Walk, values: list[str]) -> None:
    party, browser = walk.party(), walk.browser()
    expected = {"code": "code", "token": "access_token", "id_token": "id_token"}
    for kind, mode in product(walk.told["response_types_supported"], walk.told["response_modes_supported"]):
        answer = browser.get(party.url(response_type=kind, response_mode=mode))
        if kind != "code" and mode in (
            "query",
            "query.jwt",
        ):  # never a token in a query (OAuth Multiple Response Types section 5)
            assert "error=invalid_request" in answer.location
            continue
        plain, _, wrapped = (f"{'query' if kind == 'code' else 'fragment'}.jwt" if mode == "jwt" else mode).partition(".")
        given = arrived(answer, plain)
        if wrapped:
            assert given.keys() == {"response"}, "everything inside, the issuer too"
            given = party.stated(given["response"])
        assert {expected[part] for part in kind.split()} <= given.keys(), (kind, mode, given)
        assert given["iss"].replace("&#39;", "'") == walk.told["issuer"]


def grant_types(walk: Walk, values: list[str]) -> None:
    party = walk.party()
    first = walk.tokens(party)
    assert party.refresh(first["refresh_token"]).status_code == 200
    assert party.post("/token", grant_type="client_credentials", scope="api").status_code == 200
    assert "access_token=" in walk.browser().get(party.url(response_type="id_token token")).location
    for_the_api = walk.tokens(party, resource=API)["access_token"]
    exchanged = party.post(
        "/token", grant_type=EXCHANGE, subject_token=for_the_api, subject_token_type=ACCESS_TOKEN, resource=API
    )
    assert exchanged.status_code == 200, exchanged.json
    device = party.post("/device_authorization", scope="openid").json["device_code"]
    assert party.post("/token", grant_type=DEVICE, device_code=device).json["error"] == "authorization_pending"
    assert set(values) == set(ALL_GRANTS), "use the new one here"


def subject_types(walk: Walk, values: list[str]) -> None:
    seen = set()
    for kind in values:
        party = walk.party(subject_type=kind)
        given = walk.tokens(party)
        assert party.stated(given["id_token"])["sub"] == party.userinfo(given["access_token"]).json["sub"]
        seen.add(party.stated(given["id_token"])["sub"])
    assert len(seen) == len(values)


def acr_values(walk: Walk, values: list[str]) -> None:
    party = walk.party()
    surely = {ACR_DATA: (ACR_DATA, ("pwd",)), ACR_FULL: (ACR_FULL, ("pwd",)), ACR_MFA: (ACR_DATA, ("pwd", "otp", "mfa"))}
    for acr in values:
        essential = orjson.dumps({"id_token": {"acr": {"essential": True, "values": [acr]}}}).decode()
        for asked in ({"acr_values": acr}, {"claims": essential}):
            assert party.stated(walk.tokens(party, walk.browser(*surely[acr]), **asked)["id_token"])["acr"] == acr


def prompts(walk: Walk, values: list[str]) -> None:
    party, browser, shown = walk.party(first_party=False), walk.browser(), {}
    for prompt in values:
        answer = browser.get(party.url(prompt=prompt))
        shown[prompt] = answer.location.rpartition("/")[2] if answer.location.startswith("/") else answer.location
    assert "error=consent_required" in shown.pop("none")
    assert shown == {"login": "login", "select_account": "login", "consent": "consent", "create": "register"}


def displays(walk: Walk, values: list[str]) -> None:
    for display in values:
        assert walk.app.test_client().get(walk.party().url(display=display)).location.endswith("/login")


def answer_algorithms(walk: Walk, values: list[str]) -> None:
    for algorithm in values:
        party = walk.party(authorization_signed_response_alg=algorithm)
        told = arrived(walk.browser().get(party.url(response_mode="query.jwt")), "query")["response"]
        assert jws.extract_compact(told.encode()).headers()["alg"] == algorithm
        assert (party.stated(told)["aud"], bool(party.stated(told)["code"])) == ("walk", True)


def answer_encryption(walk: Walk, values: list[str]) -> None:
    for algorithm, cipher in product(
        *(walk.told[f"authorization_encryption_{kind}_values_supported"] for kind in ("alg", "enc"))
    ):
        party = walk.party(authorization_encrypted_response_alg=algorithm, authorization_encrypted_response_enc=cipher)
        sealed = arrived(walk.browser().get(party.url(response_mode="jwt")), "query")["response"]
        opened = jwe.decrypt_compact(sealed, key_for(algorithm, cipher), algorithms=[algorithm, cipher])
        assert party.stated((opened.plaintext or b"").decode())["state"] == "the-state"


def introspected(walk: Walk, party: RelyingParty, token: str) -> str:
    headers = party.basic | {"Accept": "application/token-introspection+jwt"}
    told = walk.post("introspection_endpoint", headers, token=token)
    assert told.mimetype == "application/token-introspection+jwt"
    return told.text


def introspection_algorithms(walk: Walk, values: list[str]) -> None:
    token = walk.tokens()["access_token"]
    for algorithm in values:
        told = introspected(walk, walk.party(introspection_signed_response_alg=algorithm), token)
        assert jws.extract_compact(told.encode()).headers()["alg"] == algorithm


def introspection_encryption(walk: Walk, values: list[str]) -> None:
    token = walk.tokens()["access_token"]
    for algorithm, cipher in product(
        *(walk.told[f"introspection_encryption_{kind}_values_supported"] for kind in ("alg", "enc"))
    ):
        party = walk.party(introspection_encrypted_response_alg=algorithm, introspection_encrypted_response_enc=cipher)
        opened = jwe.decrypt_compact(introspected(walk, party, token), key_for(algorithm, cipher), algorithms=[algorithm, cipher])
        assert jws.extract_compact(opened.plaintext or b"").headers()["typ"] == "token-introspection+jwt"


def id_token_algorithms(walk: Walk, values: list[str]) -> None:
    for algorithm in values:
        party = walk.party(id_token_signed_response_alg=algorithm)
        token = walk.tokens(party)["id_token"]
        assert jws.extract_compact(token.encode()).headers()["alg"] == algorithm
        assert party.stated(token)["aud"] == "walk"


def userinfo_algorithms(walk: Walk, values: list[str]) -> None:
    for algorithm in values:
        party = walk.party(userinfo_signed_response_alg=algorithm)
        answer = party.userinfo(walk.tokens(party)["access_token"])
        assert jws.extract_compact(answer.data).headers()["alg"] == algorithm
        assert party.stated(answer.text)["sub"] == walk.siti


def encryption(what: str) -> Callable[[Walk, Any], None]:
    """Each algorithm with each cipher, opened with the key that the client has for it (Core section 10.2)."""

    def used(walk: Walk, values: list[str]) -> None:
        algorithms, ciphers = (walk.told[f"{what}_encryption_{kind}_values_supported"] for kind in ("alg", "enc"))
        for algorithm, cipher in product(algorithms, ciphers):
            party = walk.party(**{f"{what}_encrypted_response_alg": algorithm, f"{what}_encrypted_response_enc": cipher})
            given = walk.tokens(party, scope="openid")
            sealed = given["id_token"] if what == "id_token" else party.userinfo(given["access_token"]).text
            opened = jwe.decrypt_compact(sealed, key_for(algorithm, cipher), algorithms=[algorithm, cipher])
            assert opened.headers() | {"alg": algorithm, "enc": cipher} == opened.headers()
            assert opened.plaintext

    return used


def key_for(algorithm: str, cipher: str) -> Key:
    if algorithm.startswith("RSA"):
        return RSA
    if algorithm.startswith("ECDH"):
        return EC
    bits = int(algorithm[1:4]) if algorithm != "dir" else int(cipher[-3:]) if "CBC" in cipher else int(cipher[1:4])
    secret = crypto.sha256(SECRET) if bits <= 256 else crypto.sha512(SECRET)
    return OctKey.import_key(secret[: bits // 8])


def request_objects(walk: Walk, values: list[str]) -> None:
    for algorithm in values:
        assert "state=signed" in walk.browser().get(by_value(walk, algorithm)).location


def by_value(walk: Walk, algorithm: str = "ES256") -> str:
    walk.party()
    return f"/authorize?{urlencode({'client_id': 'walk', 'request': request_object(walk, algorithm)})}"


def request_object(walk: Walk, algorithm: str = "ES256") -> str:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(walk.party().url(state="signed")).query).items()}
    now = clock.timestamp()
    return signed(algorithm, asked | {"iss": "walk", "aud": walk.told["issuer"], "exp": now + 60, "nbf": now})


def request_parameter(walk: Walk, value: bool) -> None:
    assert value is True
    assert "state=signed" in walk.browser().get(by_value(walk)).location


def request_uri_parameter(walk: Walk, value: bool) -> None:
    assert value is True
    uri = walk.shelf.put(request_object(walk))
    party = walk.party(request_uris=(uri,))
    assert "state=signed" in walk.browser().get(party.url(request_uri=uri)).location


def request_uri_registration(walk: Walk, value: bool) -> None:
    assert value is True
    uri = walk.shelf.put(request_object(walk))
    assert "error=invalid_request_uri" in walk.browser().get(walk.party().url(request_uri=uri)).location


def code_challenge_methods(walk: Walk, values: list[str]) -> None:
    assert values == ["S256"]
    assert walk.tokens(code_challenge=crypto.digest(VERIFIER), code_challenge_method="S256")


def iss_parameter(walk: Walk, value: bool) -> None:
    assert value is True
    for url in (walk.party().url(), walk.party().url(prompt="none", max_age="0")):
        assert arrived(walk.browser().get(url), "query")["iss"] == walk.told["issuer"]


def claims_parameter(walk: Walk, value: bool) -> None:
    assert value is True
    claims_asked_for(walk, ["email"])


def claim_types(walk: Walk, values: list[str]) -> None:
    assert values == ["normal"]
    assert not {"_claim_names", "_claim_sources"} & walk.party().userinfo(walk.tokens()["access_token"]).json.keys()


def proofs(endpoint: str) -> Callable[[Walk, Any], None]:
    """Each authentication method at this endpoint."""

    def used(walk: Walk, values: list[str]) -> None:
        for method in values:
            walk.party(token_endpoint_auth_method=method, **{} if method != "none" else {"grant_types": ("authorization_code",)})
            proof: dict[str, Any] = {
                "client_secret_basic": {
                    "headers": {"Authorization": f"Basic {base64.b64encode(f'walk:{SECRET}'.encode()).decode()}"}
                },
                "client_secret_post": {"client_id": "walk", "client_secret": SECRET},
                "client_secret_jwt": assertion(walk, "HS256"),
                "private_key_jwt": assertion(walk, "ES256"),
                "none": {"client_id": "walk"},
            }[method]
            answer = walk.post(
                endpoint, token="unknown", grant_type="authorization_code", code="00" + "x" * 43, redirect_uri=CALLBACK, **proof
            )
            expected = (400, "invalid_grant") if endpoint == "token_endpoint" else (200, None)
            assert (answer.status_code, (answer.get_json(silent=True) or {}).get("error")) == expected, method

    return used


def assertion_algorithms(endpoint: str) -> Callable[[Walk, Any], None]:
    """Each algorithm of an assertion at this endpoint."""

    def used(walk: Walk, values: list[str]) -> None:
        for algorithm in values:
            method = "client_secret_jwt" if algorithm.startswith("HS") else "private_key_jwt"
            walk.party(token_endpoint_auth_method=method, token_endpoint_auth_signing_alg=algorithm)
            answer = walk.post(endpoint, token="x", grant_type="client_credentials", scope="api", **assertion(walk, algorithm))
            assert answer.status_code == 200, (algorithm, answer.json)

    return used


def dpop_algorithms(walk: Walk, values: list[str]) -> None:
    party = walk.party()
    for algorithm in values:
        proof = Prover(party.issuer, KEYS[algorithm[:2]], algorithm).proof("/token")
        answer = walk.post("token_endpoint", party.basic | {"DPoP": proof}, grant_type="client_credentials", scope="api")
        assert answer.json["token_type"] == "DPoP", algorithm


def backchannel_logout(walk: Walk, value: bool) -> None:
    assert value is True
    walk.party(backchannel_logout_uri="https://rp.example/bye")
    with walk.app.app_context():
        from idp.oidc.logout import back_channel

        token = back_channel.logout_token(walk.app.extensions["idp.clients"].find("walk"), walk.siti, "the-sid")
    stated = orjson.loads(jws.extract_compact(token.encode()).payload or b"")
    assert (stated["sid"], stated["aud"]) == ("the-sid", "walk")


def frontchannel_logout(walk: Walk, value: bool) -> None:
    assert value is True
    party, browser = walk.party(frontchannel_logout_uri="https://rp.example/gone"), walk.browser()
    given = walk.tokens(party, browser)
    page = browser.get(f"/logout?{urlencode({'id_token_hint': given['id_token']})}").get_data(as_text=True)
    assert "https://rp.example/gone?iss=" in page
    assert f"sid={party.stated(given['id_token'])['sid']}" in page


def pushing_is_no_must(walk: Walk, value: bool) -> None:
    assert value is False
    assert walk.party().code(walk.browser())


USES: dict[str, Callable[[Walk, Any], None]] = {
    "issuer": the_issuer,
    "authorization_endpoint": authorization_endpoint,
    "token_endpoint": token_endpoint,
    "userinfo_endpoint": userinfo_endpoint,
    "jwks_uri": jwks_uri,
    "introspection_endpoint": introspection_endpoint,
    "revocation_endpoint": revocation_endpoint,
    "end_session_endpoint": end_session_endpoint,
    "check_session_iframe": a_page,
    "service_documentation": a_page,
    "op_policy_uri": a_page,
    "op_tos_uri": a_page,
    "registration_endpoint": registration_endpoint,
    "pushed_authorization_request_endpoint": pushed_authorization_request_endpoint,
    "require_pushed_authorization_requests": pushing_is_no_must,
    "device_authorization_endpoint": device_authorization_endpoint,
    "ui_locales_supported": ui_locales,
    "claims_locales_supported": claims_locales,
    "scopes_supported": scopes,
    "claims_supported": claims_asked_for,
    "claim_types_supported": claim_types,
    "claims_parameter_supported": claims_parameter,
    "response_types_supported": response_types_and_modes,
    "response_modes_supported": response_types_and_modes,
    "grant_types_supported": grant_types,
    "subject_types_supported": subject_types,
    "acr_values_supported": acr_values,
    "prompt_values_supported": prompts,
    "display_values_supported": displays,
    "id_token_signing_alg_values_supported": id_token_algorithms,
    "id_token_encryption_alg_values_supported": encryption("id_token"),
    "id_token_encryption_enc_values_supported": encryption("id_token"),
    "userinfo_signing_alg_values_supported": userinfo_algorithms,
    "userinfo_encryption_alg_values_supported": encryption("userinfo"),
    "userinfo_encryption_enc_values_supported": encryption("userinfo"),
    "request_object_signing_alg_values_supported": request_objects,
    "request_parameter_supported": request_parameter,
    "request_uri_parameter_supported": request_uri_parameter,
    "require_request_uri_registration": request_uri_registration,
    "code_challenge_methods_supported": code_challenge_methods,
    "authorization_response_iss_parameter_supported": iss_parameter,
    "token_endpoint_auth_methods_supported": proofs("token_endpoint"),
    "introspection_endpoint_auth_methods_supported": proofs("introspection_endpoint"),
    "revocation_endpoint_auth_methods_supported": proofs("revocation_endpoint"),
    "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms("token_endpoint"),
    "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms("introspection_endpoint"),
    "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms("revocation_endpoint"),
    "authorization_signing_alg_values_supported": answer_algorithms,
    "authorization_encryption_alg_values_supported": answer_encryption,
    "authorization_encryption_enc_values_supported": answer_encryption,
    "introspection_signing_alg_values_supported": introspection_algorithms,
    "introspection_encryption_alg_values_supported": introspection_encryption,
    "introspection_encryption_enc_values_supported": introspection_encryption,
    "dpop_signing_alg_values_supported": dpop_algorithms,
    "backchannel_logout_supported": backchannel_logout,
    "backchannel_logout_session_supported": backchannel_logout,
    "frontchannel_logout_supported": frontchannel_logout,
    "frontchannel_logout_session_supported": frontchannel_logout,
}


@pytest.fixture
def walk(app: Flask, register: Callable[..., RelyingParty], siti: str) -> Any:
    told = app.test_client().get(METADATA_PATHS[0]).json
    with app.app_context():
        known = accounts.find(siti)
        assert known is not None
        accounts.assign_roles(known, ["jobseeker"])
    with shelf() as found:
        yield Walk(app, told, register, siti, found)


def test_every_member_has_a_use(walk: Walk) -> None:
    assert walk.told.keys() == USES.keys(), "advertise it only with a test that uses it"


@pytest.mark.parametrize("member", USES)
def test_what_is_advertised_can_be_used(walk: Walk, member: str) -> None:
    USES[member](walk, walk.told[member])


@pytest.mark.parametrize("path", METADATA_PATHS)
@pytest.mark.parametrize("kind", [OpenIDProviderMetadata, AuthorizationServerMetadata])
def test_both_documents_are_what_the_specifications_ask(walk: Walk, path: str, kind: type[AuthorizationServerMetadata]) -> None:
    told = walk.get(path).json
    # The specifications ask for https; a test listens on loopback.
    kind({n: v.replace("http://", "https://") if isinstance(v, str) else v for n, v in told.items()}).validate()
