"""Requests that no client sends, at every endpoint: never a 5xx, an OAuth error from what clients call, a page for people."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask, Response, g
from flask_wtf.csrf import generate_csrf
from hypothesis import given, note
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from werkzeug.routing import Rule

from idp.core import clock, crypto
from idp.core.values import ACR_DATA, Authentication
from idp.interaction import pending
from idp.oidc.clients import registration
from idp.oidc.clients.client import Client
from idp.oidc.clients.rules import DEVICE_CODE_GRANT, TOKEN_EXCHANGE_GRANT
from idp.oidc.metadata.discovery import JWKS_PATH, METADATA_PATHS
from idp.sessions import single_sign_on
from idp.web.cookies import BROWSER, SESSION
from tests.attacks.fuzzing import (
    FOREIGN,
    FORM,
    MARKUP,
    METHODS,
    NASTY,
    ODD_JSON,
    Sent,
    any_json,
    as_bytes,
    bent,
    bent_members,
    judge,
    judge_error,
    judge_oauth,
    judge_page,
    nested,
    odd_headers,
    thorough,
    values,
)  # fmt: skip
from tests.oidc.conftest import CALLBACK, EVERYTHING, SECRET, VERIFIER, RelyingParty
from tests.simple_browser import Form, Page

API = "https://api.rp.example/"
KEY = ECKey.generate_key("P-256", auto_kid=True)
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
OUR_CLIENTS = (CALLBACK, "https://rp.example/out")
# What clients call, not people: refused with JSON.
CALLED = {
    "oidc.token", "oidc.introspect", "oidc.revoke", "oidc.par", "oidc.device_authorization", "oidc.userinfo",
    "oidc.register_client", "oidc.manage_client",
}  # fmt: skip
PLAIN = {"static", "pages.healthz", "pages.readyz", "oidc.check_session"}

ENTRY: dict[str, Any] = {
    "redirect_uris": (CALLBACK,),
    "grant_types": (*EVERYTHING, "implicit", DEVICE_CODE_GRANT, TOKEN_EXCHANGE_GRANT),
    "response_types": ("code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"),
    "profile": "legacy",
    "pkce": "optional",
    "resources": (API,),
    "resource_server": True,
    "jwks": {"keys": [KEY.as_dict(private=False)]},
    "request_uris": (),
    "token_exchange": {"subject_clients": ("fuzz",), "audiences": (API, "fuzz"), "scope": "email api"},
}
BASIC = (("Authorization", "Basic " + base64.b64encode(f"fuzz:{SECRET}".encode()).decode()),)
ASKED = (
    ("client_id", "fuzz"), ("redirect_uri", CALLBACK), ("response_type", "code"), ("scope", "openid profile offline_access"),
    ("state", "s"), ("nonce", "n"), ("code_challenge", crypto.digest(VERIFIER)), ("code_challenge_method", "S256"),
)  # fmt: skip
RARELY_ASKED = (
    ("response_mode", "form_post"), ("prompt", "login"), ("max_age", "100"), ("acr_values", ACR_DATA), ("display", "page"),
    ("ui_locales", "en id"), ("claims_locales", "id"), ("login_hint", "siti@example.com"), ("id_token_hint", "a.b.c"),
    ("claims", '{"userinfo":{"email":null},"id_token":{"acr":{"essential":true,"values":["x"]}}}'), ("request", "a.b.c"),
    ("request_uri", "https://rp.example/object"), ("registration", "{}"), ("resource", API), ("dpop_jkt", "x"),
)  # fmt: skip


class World:
    """Clients of every kind, a person with a session, and whatever a request needs to get far: `<code>`, `<csrf>`, …"""

    def __init__(self, app: Flask, register: Callable[..., RelyingParty], siti: str, session: str) -> None:
        self.app, self.siti, self.session = app, siti, session
        self.party = register("fuzz", **ENTRY)
        register("fuzz-post", **ENTRY | {"token_endpoint_auth_method": "client_secret_post"})
        register("fuzz-keys", **ENTRY | {"token_endpoint_auth_method": "private_key_jwt", "client_secret_hash": None})
        hmac: Client = app.extensions["idp.clients"].known["fuzz"].model_copy(
            update={"client_id": "fuzz-hmac", "token_endpoint_auth_method": "client_secret_jwt", "client_secret_hash": None}
        )  # fmt: skip
        app.extensions["idp.clients"].known["fuzz-hmac"] = hmac.with_secret(SECRET)
        self.signed_in = app.test_client()
        with app.test_request_context():
            self.cookie = SESSION.name
            self.browser_cookie = BROWSER.name
        self.signed_in.set_cookie(self.cookie, session, domain="localhost")
        self.kept: dict[str, str] = {}

    def fill(self, sent: Sent) -> Sent:
        """The request with its placeholders replaced by things that are good at this moment."""
        return replace(
            sent,
            path=self._filled(sent.path),
            query=tuple((name, self._filled(value)) for name, value in sent.query),
            form=tuple((name, self._filled(value)) for name, value in sent.form),
            headers=tuple((name, self._filled(value)) for name, value in sent.headers),
        )

    def _filled(self, value: Any) -> Any:
        makers: dict[str, Callable[[], str]] = {
            "<code>": lambda: self.party.code(self.signed_in, scope="openid offline_access"),
            "<refresh>": lambda: self._tokens()["refresh_token"],
            "<access>": lambda: self._tokens()["access_token"],
            "<device>": lambda: str(self.party.post("/device_authorization", scope="openid").json["device_code"]),
            "<user_code>": lambda: str(self.party.post("/device_authorization", scope="openid").json["user_code"]),
            "<assertion>": self._assertion,
            "<client>": lambda: self._registered()["client_id"],
            "<management>": lambda: self._registered()["registration_access_token"],
            "<invitation>": self.invitation,
        }
        for mark, made in makers.items():
            if isinstance(value, str) and mark in value:
                value = value.replace(mark, made())
        return value

    def _tokens(self) -> dict[str, Any]:
        if "refresh_token" not in self.kept:
            self.kept |= self.party.redeem(self.party.code(self.signed_in, scope="openid offline_access email")).json
        return self.kept

    def _assertion(self) -> str:
        now = clock.timestamp()
        claims = {"iss": "fuzz-keys", "sub": "fuzz-keys", "aud": self.party.issuer, "jti": crypto.random_token(), "exp": now + 60}
        return signed(claims)

    def invitation(self, uses: int = 1) -> str:
        """An initial access token."""
        with self.app.app_context():
            return registration.issue_initial_access_token(uses, 60)

    def _registered(self) -> dict[str, Any]:
        if "client_id" not in self.kept:
            bearer = {"Authorization": f"Bearer {self.invitation()}"}
            said = {"redirect_uris": [CALLBACK], "client_name": "Dinamis"}
            self.kept |= self.app.test_client().post("/register", json=said, headers=bearer).json
        return self.kept

    def waits(self, drafts: dict[str, dict[str, Any]], known: bool, owed: list[str]) -> tuple[str, str]:
        """A fresh interaction at this point of its way: its id, and the secret of its browser."""
        proved = Authentication(self.siti, ("pwd",), clock.timestamp(), ACR_DATA) if known else None
        with self.app.test_request_context():
            service = {"client_id": "fuzz", "name": "Fuzz"}
            pinned = {"authentication": proved, "fresh": known, "owed": owed, "drafts": drafts}
            begun, secret = pending.begin(dict(ASKED), service, **pinned)
            begun._write()  # as after somebody's first act: the store has it, and no cookie carries it
        return begun.id, secret

    def forms(self, rule: Rule, drafts: dict[str, dict[str, Any]], known: bool) -> list[Form]:
        """What a page of the corridor holds, at this point of the way."""
        waiting, secret = self.waits(drafts, known, EVERY_PROMPT)
        path = path_of(rule, {"interaction_id": waiting})
        answer = Sent("GET", path, cookies=((proof_of(waiting), secret),)).to(self.app)
        found = Page(f"http://localhost{path}", answer.status_code, answer.get_data(as_text=True)).forms
        return [form for form in found if form.method == "post" and f"/interaction/{waiting}/" in form.action]

    def forget_limits(self) -> None:
        """Nobody has tried too often."""
        redis = self.app.extensions["idp.storage.redis_store"].redis
        for key in redis.scan_iter("limit:*"):
            redis.delete(key)

    def csrf(self, path: str, name: str, secret: str) -> str:
        """The token that this browser's forms hold."""
        with self.app.test_request_context(path, headers={"Cookie": f"{name}={secret}"}):
            token = str(generate_csrf())
            g.pop("csrf_token", None)
        return token


def proof_of(interaction_id: str) -> str:
    """The name of the cookie that proves an interaction, over plain http."""
    return f"interaction-{interaction_id}"


def signed(claims: Any, **header: Any) -> str:
    """A JWS of anything under any header, truly signed by the clients' key: written by hand, since no library would."""
    payload = claims if isinstance(claims, bytes) else as_bytes(claims)
    said = f"{crypto.b64(as_bytes({'alg': 'ES256', 'kid': KEY.kid} | header))}.{crypto.b64(payload)}"
    numbers = decode_dss_signature(KEY.private_key.sign(said.encode(), ECDSA(SHA256())))
    return f"{said}.{crypto.b64(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


@pytest.fixture
def world(app: Flask, register: Callable[..., RelyingParty], siti: str) -> World:
    with app.test_request_context():
        given = Response()
        # Signed in as surely as can be, so that every page opens.
        single_sign_on.establish(Authentication(siti, ("pwd", "otp", "mfa"), clock.timestamp(), ACR_DATA), given)
    return World(app, register, siti, given.headers["Set-Cookie"].partition(";")[0].partition("=")[2])


def post(path: str, **form: str) -> Sent:
    """A call of the client `fuzz`."""
    return Sent("POST", path, form=tuple(form.items()), headers=BASIC)


def token(grant_type: str, **form: str) -> Sent:
    """A token request."""
    return post("/token", grant_type=grant_type, **form)


CALLS = [
    token("authorization_code", code="<code>", redirect_uri=CALLBACK, code_verifier=VERIFIER, resource=API),
    token("refresh_token", refresh_token="<refresh>", scope="openid", resource=API),
    token("client_credentials", scope="api", resource=API),
    token(DEVICE_CODE_GRANT, device_code="<device>"),
    token(TOKEN_EXCHANGE_GRANT, subject_token="<access>", subject_token_type=ACCESS_TOKEN, resource=API, audience="fuzz", scope="email",
          requested_token_type=ACCESS_TOKEN, actor_token="<access>", actor_token_type=ACCESS_TOKEN),
    token("password", username="siti", password="x"),
    token("urn:ietf:params:oauth:grant-type:jwt-bearer", assertion="a.b.c"),
    replace(token("client_credentials", client_id="fuzz-post", client_secret=SECRET), headers=()),
    replace(token("client_credentials", client_assertion="<assertion>", client_assertion_type=JWT_BEARER), headers=()),
    replace(token("client_credentials", client_id="fuzz-hmac", client_assertion="a.b.c", client_assertion_type=JWT_BEARER), headers=()),
    post("/introspect", token="<access>", token_type_hint="access_token"),
    post("/introspect", token="<refresh>", token_type_hint="refresh_token"),
    post("/revoke", token="x", token_type_hint="access_token"),
    post("/par", **dict(ASKED)),
    post("/par", **dict(ASKED + RARELY_ASKED)),
    post("/device_authorization", scope="openid profile", resource=API),
    Sent("GET", "/userinfo", headers=(("Authorization", "Bearer <access>"),)),
    Sent("POST", "/userinfo", form=(("access_token", "<access>"),)),
]  # fmt: skip


@pytest.mark.parametrize("base", CALLS, ids=lambda sent: f"{sent.path[1:]}-{dict(sent.form).get('grant_type', '')[-16:]}")
def test_what_clients_call_answers_nonsense_with_an_oauth_error(world: World, base: Sent) -> None:
    @thorough(60)
    @given(bent(base))
    def one(sent: Sent) -> None:
        answer = world.fill(sent).to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        judge_oauth(sent, answer)

    one()


@pytest.mark.parametrize("base", [ASKED, ASKED + RARELY_ASKED], ids=["few", "all"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_the_authorization_endpoint_answers_the_client_or_shows_a_page(world: World, base: Any, signed_in: bool) -> None:
    cookies = ((world.cookie, world.session),) if signed_in else ()

    @thorough(120)
    @given(bent(Sent("GET", "/authorize", query=base, cookies=cookies)))
    def one(sent: Sent) -> None:
        answer = sent.to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        judge_page(sent, answer)
        location = answer.headers.get("Location", "")
        if location.startswith(CALLBACK):
            said = dict(pair.partition("=")[::2] for pair in location.partition("?")[2].split("&"))
            assert "iss" in said or "#" in location
            if "error" in said:
                judge_error(said["error"], "")

    one()


REQUEST_MEMBERS = [name for name, _ in ASKED + RARELY_ASKED] + ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"]
HEADERS = ["alg", "kid", "typ", "cty", "crit", "jwk", "jku", "x5u", "b64", "zip"]


@pytest.mark.parametrize("path", ["/authorize", "/par"])
def test_request_objects_of_any_shape_are_read_without_a_failure(world: World, path: str) -> None:
    whole = dict(ASKED) | {"iss": "fuzz", "aud": world.party.issuer, "exp": clock.timestamp() + 300}
    payloads = st.one_of(
        bent_members(whole, REQUEST_MEMBERS), bent_members(whole, REQUEST_MEMBERS), any_json, st.binary(max_size=20)
    )

    @thorough(200)
    @given(payloads, bent_members({}, HEADERS))
    def one(payload: Any, header: dict[str, Any]) -> None:
        form = (("client_id", "fuzz"), ("redirect_uri", CALLBACK), ("request", signed(payload, **header)))
        sent = Sent("GET", path, query=form) if path == "/authorize" else Sent("POST", path, form=form, headers=BASIC)
        answer = sent.to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        (judge_page if path == "/authorize" else judge_oauth)(sent, answer)

    one()


def test_each_member_of_a_request_object_may_be_any_json(world: World) -> None:
    whole = dict(ASKED) | {"iss": "fuzz", "aud": world.party.issuer, "exp": clock.timestamp() + 300}
    for member, odd in product(REQUEST_MEMBERS, ODD_JSON):
        query = (("client_id", "fuzz"), ("redirect_uri", CALLBACK), ("request", signed(whole | {member: odd})))
        sent = Sent("GET", "/authorize", query=query)
        answer = sent.to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        judge_page(sent, answer)


def test_the_claims_parameter_of_any_shape_is_read_without_a_failure(world: World) -> None:
    shaped = {"userinfo": {"email": None}, "id_token": {"acr": {"values": [ACR_DATA]}, "sub": {"value": "x"}}}
    inner = bent_members({"value": "x", "values": ["x"], "essential": True}, ["value", "values", "essential"])
    whole = st.one_of(
        bent_members(shaped, ["userinfo", "id_token"]),
        st.builds(lambda place, name, wish: {place: {name: wish}},
                  st.sampled_from(["userinfo", "id_token"]), st.sampled_from(["acr", "sub", "auth_time", "email", "nik"]), inner),
    )  # fmt: skip

    @thorough(120)
    @given(whole)
    def one(asked: Any) -> None:
        query = (*ASKED, ("claims", json.dumps(asked)))
        sent = Sent("GET", "/authorize", query=query, cookies=((world.cookie, world.session),))
        answer = sent.to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        judge_page(sent, answer)

    one()


def test_client_assertions_of_any_shape_prove_nobody_and_break_nothing(world: World) -> None:
    said = {"iss": "fuzz-keys", "sub": "fuzz-keys", "aud": world.party.issuer, "jti": "j", "exp": clock.timestamp() + 60}

    @thorough(120)
    @given(bent_members(said, [*said, "nbf", "iat"]), bent_members({}, HEADERS))
    def one(claims: dict[str, Any], header: dict[str, Any]) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": signed(claims, **header),
        }
        sent = Sent("POST", "/token", form=tuple(form.items()))
        answer = sent.to(world.app)
        judge(sent, answer, ())
        judge_oauth(sent, answer)

    one()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_registrations_of_any_shape_are_answered(world: World, method: str) -> None:
    said: dict[str, Any] = {"redirect_uris": [CALLBACK], "client_name": "Dinamis", "scope": "openid"}
    members = [
        *sorted(registration.REGISTRABLE_MEMBERS),
        "client_id",
        "client_secret",
        "client_name#en",
        "client_name#",
        "software_statement",
    ]
    bodies = st.one_of(bent_members(said, members), bent_members(said, members), any_json)

    @thorough(250)
    @given(bodies, odd_headers, st.sampled_from(["application/json"] * 5 + [FORM, "", "application/json; charset=utf-16"]))
    def one(body: Any, headers: list[tuple[str, str]], kind: str) -> None:
        bearer = "<invitation>" if method == "POST" else "<management>"
        path = "/register" if method == "POST" else "/register/<client>"
        if method == "PUT" and isinstance(body, dict):
            body.setdefault("client_id", world._registered()["client_id"])
        sent = world.fill(Sent(method, path, kind=kind, headers=(("Authorization", f"Bearer {bearer}"), *headers)))
        answer = replace(sent, body=as_bytes(body)).to(world.app)
        judge(sent, answer, ())
        judge_oauth(sent, answer)

    one()


def test_each_member_of_a_registration_may_be_any_json(world: World) -> None:
    members = [*sorted(registration.REGISTRABLE_MEMBERS), "client_id", "client_secret", "client_name#en", "unknown"]
    deep_key = {"keys": [KEY.as_dict(private=False) | {"z": nested(260)}]}
    whole = {"redirect_uris": [CALLBACK], "client_name": "Dinamis", "scope": "openid"}
    bearer = ("Authorization", f"Bearer {world.invitation(10_000)}")
    for member, odd in [*product(members, ODD_JSON), ("jwks", deep_key)]:
        sent = Sent("POST", "/register", body=as_bytes(whole | {member: odd}), kind="application/json", headers=(bearer,))
        answer = sent.to(world.app)
        judge(sent, answer, ())
        judge_oauth(sent, answer)
        if answer.status_code == 201:
            read_back(world, answer.get_json())


def read_back(world: World, told: dict[str, Any]) -> None:
    """What was accepted can be read, and used, without a failure."""
    bearer = ("Authorization", f"Bearer {told['registration_access_token']}")
    assert Sent("GET", f"/register/{told['client_id']}", headers=(bearer,)).to(world.app).status_code == 200
    query = tuple((name, told["client_id"] if name == "client_id" else value) for name, value in ASKED)
    sent = Sent("GET", "/authorize", query=query, cookies=((world.cookie, world.session),))
    answer = sent.to(world.app)
    judge(sent, answer, OUR_CLIENTS)


# -- every rule of the application -------------------------------------------------------------------------------------

PROOF = {"nik": "9901015708900001", "name": "Siti Nurhaliza Rahayu"}
CODE = {"challenge": "x" * 22, "sent_at": 1, "resend_at": 1, "delivery": "sent"}
HALF = {"email": "a@example.com", "password_hash": "1$x", "code": CODE}
TYPED = {
    "identifier": "9901015708900001", "password": "Matahari!7terbit", "nik": "9901015708900001", "name": "Siti Nurhaliza Rahayu",
    "mothers_name": "Aminah Rahayu", "email": "siti@example.com", "phone": "081234562797", "code": "123456", "decision": "allow",
    "confirm": "yes", "bahasa": "en", "kembali": "/", "user_code": "BCDF-GHJK", "id_token_hint": "a.b.c", "client_id": "fuzz",
    "post_logout_redirect_uri": "https://rp.example/out", "state": "s", "logout_hint": "x", "ui_locales": "en", "remember": "y",
}  # fmt: skip
EVERY_PROMPT = ["login", "create", "select_account", "mfa", "mfa_preferred", "consent"]


def drafts_of(app: Flask) -> list[dict[str, dict[str, Any]]]:
    """The ways that registration and recovery can stand at."""
    from idp.core.values import FullName, Nik
    from idp.identity.proofing import IdentityProof

    with app.app_context():
        proof = IdentityProof(Nik.parse(PROOF["nik"]), FullName.parse(PROOF["name"]), clock.timestamp(), "r").to_dict()
    contact, half = {"proof": proof}, {"proof": proof, **HALF}
    return [
        {},
        {"registration": contact, "recovery": {"way": "identity", "warned": True, **contact}},
        {
            "registration": half | {"phone": "+6281234562797"},
            "recovery": half | {"way": "identity", "warned": True, "recipient": "+6281234562797"},
        },
        {"registration": {"done": True}, "recovery": {"way": "phone", "recipient": "+6281234562797", "code": CODE}},
        {"recovery": {"way": "email", "recipient": "a@example.com", "code": CODE, "verified": True}},
        {"recovery": {"outcome": "recovered"}},
    ]


def rules(app: Flask) -> list[Rule]:
    """Every rule of the application's map, and the documents that never reach it."""
    documents = [Rule(path, endpoint="document", methods=["GET"]) for path in (*METADATA_PATHS, JWKS_PATH, "/nowhere")]
    return [*app.url_map.iter_rules(), *documents]


def path_of(rule: Rule, arguments: dict[str, str]) -> str:
    """An address of this rule."""
    path = rule.rule
    for name in rule.arguments:
        before, _, rest = path.partition("<")
        path = before + arguments.get(name, "x") + rest.partition(">")[2]
    return path


def test_every_endpoint_survives_whatever_it_is_sent(world: World) -> None:
    for rule in rules(world.app):
        world.forget_limits()
        survive(world, rule)


def survive(world: World, rule: Rule) -> None:
    """Sends bent requests to one rule, from a browser that has begun and one that is signed in."""
    methods = sorted((rule.methods or {"GET"}) - {"OPTIONS", "HEAD"})
    form = (("csrf_token", "<csrf>"), *TYPED.items())
    within = "interaction_id" in rule.arguments

    @thorough(24)
    @given(st.data(), st.sampled_from(methods[::-1]), st.booleans())
    def one(data: st.DataObject, method: str, known: bool) -> None:
        waiting, secret = world.waits({}, known, EVERY_PROMPT) if within else ("", "browser-secret")
        path = path_of(rule, {"interaction_id": waiting, "client_id": "dyn-" + "a" * 24, "outcome": "allowed"})
        name = proof_of(waiting) if within else world.browser_cookie
        cookies = ((name, secret), (world.cookie, world.session)) if known else ((name, secret),)
        part = {"form": form} if method not in ("GET", "DELETE") else {"query": form[1:]}
        sent = data.draw(bent(Sent(method, path, cookies=cookies, **part)))  # type: ignore[arg-type]
        if "<csrf>" in dict(sent.form).values():
            token = world.csrf(path, name, secret)
            sent = replace(sent, form=tuple((n, token if v == "<csrf>" else v) for n, v in sent.form))
        note(f"{rule.endpoint} {sent}")
        answer = sent.to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        if rule.endpoint in CALLED:
            judge_oauth(sent, answer)
        elif rule.endpoint not in PLAIN:
            judge_page(sent, answer)

    one()


TYPICALLY_ODD = [value for value in NASTY if value in ("", "\0", "é", "\u202e", MARKUP, "9" * 40, "x" * 5000, "[]", b"\xff\xfe")]


def test_each_field_of_each_form_may_be_anything(world: World) -> None:
    sent_to = set()
    for rule, drafts, known in product(world.app.url_map.iter_rules(), drafts_of(world.app), [True, False]):
        if "interaction_id" not in rule.arguments or "GET" not in (rule.methods or ()):
            continue
        for form in world.forms(rule, drafts, known):
            names = tuple(name for name in form.fields if name != "csrf_token")
            place = (urlsplit(form.action).path.split("/", 3)[3], names)
            if place not in sent_to:
                sent_to.add(place)
                world.forget_limits()
                fill_in_oddly(world, place[0], names, drafts, known)
    assert len(sent_to) > 15, sent_to


def fill_in_oddly(world: World, place: str, names: tuple[str, ...], drafts: dict[str, dict[str, Any]], known: bool) -> None:
    """Sends one form with each of its fields odd in turn, everything else as it should be."""
    for name, odd in product(names, TYPICALLY_ODD):
        world.forget_limits()
        waiting, secret = world.waits(drafts, known, EVERY_PROMPT)
        path = f"/interaction/{waiting}/{place}"
        token = world.csrf(path, proof_of(waiting), secret)
        typed = {"csrf_token": token} | {one: TYPED.get(one, "1") for one in names} | {name: odd}
        sent = Sent("POST", path, form=tuple(typed.items()), cookies=((proof_of(waiting), secret),))
        answer = sent.to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        judge_page(sent, answer)


def test_each_field_of_each_form_outside_of_a_sign_in_too(world: World) -> None:
    sent_to = set()
    cookies = ((world.browser_cookie, "browser-secret"), (world.cookie, world.session))
    for rule in world.app.url_map.iter_rules():
        if "interaction_id" in rule.arguments or rule.endpoint in PLAIN or "GET" not in (rule.methods or ()):
            continue
        answer = Sent("GET", path_of(rule, {"outcome": "allowed"}), cookies=cookies).to(world.app)
        for form in Page("http://localhost", answer.status_code, answer.get_data(as_text=True)).forms:
            names = tuple(name for name in form.fields if name != "csrf_token")
            place = (urlsplit(form.action).path or rule.rule, names)
            if form.method == "post" and names and place not in sent_to:
                sent_to.add(place)
                fill_in_oddly_elsewhere(world, place[0], names, cookies)
    assert len(sent_to) > 2, sent_to


def fill_in_oddly_elsewhere(world: World, path: str, names: tuple[str, ...], cookies: tuple[tuple[str, str], ...]) -> None:
    """Sends one form of a page that belongs to no interaction, each of its fields odd in turn."""
    for name, odd in product(names, TYPICALLY_ODD):
        world.forget_limits()
        token = world.csrf(path, world.browser_cookie, "browser-secret")
        typed = {"csrf_token": token} | {one: TYPED.get(one, "1") for one in names} | {name: odd}
        sent = Sent("POST", path, form=tuple(typed.items()), cookies=cookies)
        answer = sent.to(world.app)
        judge(sent, answer, OUR_CLIENTS)
        judge_page(sent, answer)


def test_addresses_that_nobody_gave_out_are_pages(world: World) -> None:
    places = ["", "/interaction/", "/register/", "/device/", "/static/", "/authorize/", "/.well-known/"]

    @thorough(150)
    @given(st.sampled_from(places), values, st.sampled_from(METHODS), odd_headers)
    def one(place: str, tail: Any, method: str, headers: list[tuple[str, str]]) -> None:
        raw = tail if isinstance(tail, bytes) else tail.encode("utf-8", "surrogatepass")
        sent = Sent(method, f"{place}/{raw.decode('latin-1')}", headers=tuple(headers))
        judge(sent, sent.to(world.app), ())

    one()


@pytest.mark.parametrize("path", ["/token", "/par", "/register", "/userinfo", "/introspect"])
def test_a_foreign_origin_gets_no_leave_to_read(world: World, path: str) -> None:
    sent = Sent("POST", path, form=(("grant_type", "client_credentials"),), headers=(*BASIC, ("Origin", FOREIGN)))
    answer = sent.to(world.app)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Credentials" not in answer.headers
