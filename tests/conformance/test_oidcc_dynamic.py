"""The Dynamic plan: clients that register themselves, and manage what they registered."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from idp.oidc.clients import registration
from idp.oidc.clients.keys import forget_key_set
from tests import loopback
from tests.conformance.suite import ASSERTION, CALLBACK, Shelf, SuiteClient, assertion, screenshot, shelf

KEY = RSAKey.generate_key(2048, {"kid": "dynamic", "use": "sig"})
JWKS = KeySet([KEY]).as_dict(private=False)


@pytest.fixture
def open_house(house) -> Iterator[None]:
    """Anybody may register, as a certification run wants it."""
    strict = house.app.extensions["idp.settings"]
    house.app.extensions["idp.settings"] = strict.model_copy(update={"registration_tokens": "open"})
    yield
    house.app.extensions["idp.settings"] = strict


@pytest.fixture
def files() -> Iterator[Shelf]:
    """A little server of the client's."""
    with shelf() as found:
        yield found


@pytest.fixture
def post(issuer, open_house) -> Callable[..., httpx.Response]:
    """Registers with these members."""

    def posted(**members: Any) -> httpx.Response:
        usual = {"client_name": "Dinamis", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt"}
        said = usual | {"jwks": JWKS} | members
        return loopback.post(f"{issuer}/register", json={name: value for name, value in said.items() if value is not None})

    return posted


@pytest.fixture
def registered(post, siti) -> Callable[..., SuiteClient]:
    """A client that has registered itself."""

    def made(**members: Any) -> SuiteClient:
        answer = post(**members)
        assert answer.status_code == 201, answer.text
        return SuiteClient(siti.browser.issuer, answer.json()["client_id"], siti, redirect_uri=answer.json()["redirect_uris"][0])

    return made


def redeemed(client: SuiteClient, given: dict[str, str], key: RSAKey = KEY) -> dict[str, Any]:
    """What the code gives, by private_key_jwt."""
    form = {"grant_type": "authorization_code", "redirect_uri": client.redirect_uri, "code": given["code"]}
    told = loopback.post(f"{client.issuer}/token", data=form | assertion(client, key, "RS256", client.issuer))
    assert told.status_code == 200, told.text
    assert ASSERTION not in told.text
    return dict(told.json())


def test_oidcc_server(registered):
    client = registered()
    body = redeemed(client, client.authorizes(scope="openid profile email"))
    assert client.verified(body["id_token"])["nonce"] == client.nonce
    assert client.userinfo(body["access_token"]).json().keys() >= {"sub", "name", "email"}


def test_oidcc_userinfo_rs256(registered):
    client = registered(userinfo_signed_response_alg="RS256")
    body = redeemed(client, client.authorizes(scope="openid email"))
    answer = client.userinfo(body["access_token"])
    assert answer.headers["Content-Type"] == "application/jwt"
    keys = KeySet.import_key_set(loopback.get(f"{client.issuer}/jwks.json").json())
    signed = jwt.decode(answer.text, keys, algorithms=["RS256"]).claims
    assert (signed["iss"], signed["aud"]) == (client.issuer, client.client_id)
    assert signed["email"] == client.person.email


def test_oidcc_registration_pages_show_the_addresses(registered):
    """oidcc-registration-logo-uri, -policy-uri and -tos-uri: the person sees them on the sign-in page."""
    addresses = {name: f"https://suite.example/{name}" for name in ("logo_uri", "policy_uri", "tos_uri")}
    page = registered(**addresses).sends()
    for address in addresses.values():
        assert address in page.source


def test_discovery_names_the_endpoint(issuer):
    known = loopback.get(f"{issuer}/.well-known/openid-configuration").json()
    assert known["registration_endpoint"] == f"{issuer}/register"


def test_the_answer_shows_what_is_registered(post):
    answer = post(token_endpoint_auth_method="client_secret_basic", jwks=None, unknown_member="ignored", first_party=True)
    told = answer.json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert told["client_secret_expires_at"] == 0
    assert len(told["client_secret"]) >= 32
    assert told["redirect_uris"] == [CALLBACK]
    assert not told.keys() & {"unknown_member", "first_party", "pkce", "profile", "client_secret_hash"}


def test_registering_gives_nobody_more_than_anybody_may_have(registered, house):
    client = registered(first_party=True, claims=["nik"], scope="openid nik roles email", resources=["https://api.example/"])
    with house.app.app_context():
        kept = house.app.extensions["idp.clients"].find(client.client_id)
    assert (kept.first_party, kept.claims, kept.scope, kept.resources) == (False, (), "openid email", ())


def test_oidcc_redirect_uri_query_ok(registered):
    client = registered(redirect_uris=[CALLBACK + "?foo=bar"])
    assert redeemed(client, client.authorizes())["id_token"]


@pytest.mark.parametrize("asked", [CALLBACK + "?foo=baz", CALLBACK, CALLBACK + "?foo=bar&more=1"])
def test_oidcc_redirect_uri_query_mismatch_and_added(registered, asked):
    client = registered(redirect_uris=[CALLBACK + "?foo=bar"])
    screenshot(client.sends(redirect_uri=asked))
    assert client.browser.url_of_service is None


def test_oidcc_ensure_redirect_uri_in_authorization_request(registered):
    client = registered()
    screenshot(client.sends(redirect_uri=None))
    assert client.browser.url_of_service is None


# What cannot be registered, and the error that says so; oidcc-redirect-uri-regfrag is the first.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"redirect_uris": [CALLBACK + "#fragment"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["http://suite.example/callback"]}, "invalid_redirect_uri"),
    ({"redirect_uris": []}, "invalid_redirect_uri"),
    ({"redirect_uris": "https://suite.example/"}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://[suite/"]}, "invalid_redirect_uri"),
    ({"initiate_login_uri": "http://suite.example/start"}, "invalid_client_metadata"),
    ({"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
    ({"jwks_uri": "https://suite.example/jwks"}, "invalid_client_metadata"),
    ({"jwks": None}, "invalid_client_metadata"),
    ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
    ({"grant_types": "authorization_code"}, "invalid_client_metadata"),
    ({"grant_types": [{}]}, "invalid_client_metadata"),
    ({"grant_types": 7}, "invalid_client_metadata"),
    ({"scope": ["openid"]}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": 7}, "invalid_client_metadata"),
    ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
    ({"software_statement": "e30.e30."}, "unapproved_software_statement"),
]


@pytest.mark.parametrize(("members", "error"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_registered(post, members, error):
    answer = post(**members)
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    assert "suite" not in answer.text


@pytest.mark.parametrize("name", ["logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"])
def test_oidcc_registration_of_addresses(post, name):
    """oidcc-registration-logo-uri, -policy-uri, -tos-uri and oidcc-3rd-party-init-login."""
    assert post(**{name: "https://suite.example/x"}).json()[name] == "https://suite.example/x"


def test_oidcc_registration_jwks_uri_and_refresh_token_rp_key_rotation(registered, files, clock):
    second = RSAKey.generate_key(2048, {"kid": "next", "use": "sig"})
    uri = files.put(json.dumps(JWKS), "/jwks")
    client = registered(jwks=None, jwks_uri=uri, grant_types=["authorization_code", "refresh_token"])
    body = redeemed(client, client.authorizes(scope="openid offline_access", prompt="consent"))
    files.put(json.dumps(KeySet([second]).as_dict(private=False)), "/jwks")
    clock.shift(60)
    again = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    forget_key_set(uri)
    told = loopback.post(f"{client.issuer}/token", data=again | assertion(client, second, "RS256", client.issuer))
    assert told.status_code == 200, told.text


def test_oidcc_registration_sector_uri(registered, files):
    """Two clients of one sector know the person by the same pairwise name."""
    other = "https://another.example/callback"
    uri = files.put(json.dumps([CALLBACK, other]), "/sector")
    subjects = set()
    for address in (CALLBACK, other):
        client = registered(redirect_uris=[address], subject_type="pairwise", sector_identifier_uri=uri)
        subjects.add(client.verified(redeemed(client, client.authorizes())["id_token"])["sub"])
    public = registered()
    assert len(subjects) == 1
    assert public.verified(redeemed(public, public.authorizes())["id_token"])["sub"] not in subjects


@pytest.mark.parametrize("document", ['["https://suite.example/other"]', "{}", "no json", "[[1]]"])
def test_oidcc_registration_sector_bad(post, files, document):
    answer = post(subject_type="pairwise", sector_identifier_uri=files.put(document, "/sector"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


def test_a_registration_is_read_replaced_and_deleted(post, issuer):
    told = post().json()
    where, bearer = told["registration_client_uri"], {"Authorization": f"Bearer {told['registration_access_token']}"}
    assert loopback.get(where, headers=bearer).json() == told
    for nobody in ({}, {"Authorization": "Bearer nobody"}):
        answer = loopback.get(where, headers=nobody)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    said = {name: told[name] for name in ("client_id", "jwks", "token_endpoint_auth_method")}
    said |= {"client_name": "Baru", "redirect_uris": [CALLBACK + "/new"]}
    assert loopback.put(where, json=said, headers=bearer).json()["redirect_uris"] == [CALLBACK + "/new"]
    for wrong in ({"client_id": "wlkp"}, {"registration_access_token": "x"}, {"client_secret": "mine"}):
        assert loopback.put(where, json=said | wrong, headers=bearer).status_code == 400
    assert loopback.delete(where, headers=bearer).status_code == 204
    assert loopback.get(where, headers=bearer).status_code == 401


def test_the_management_token_of_one_client_is_no_key_to_another(post):
    one, two = post().json(), post().json()
    stolen = {"Authorization": f"Bearer {one['registration_access_token']}"}
    assert loopback.delete(two["registration_client_uri"], headers=stolen).status_code == 401
    assert loopback.delete(two["registration_client_uri"].replace(two["client_id"], "wlkp"), headers=stolen).status_code == 401


def test_tokens_of_a_deleted_client_are_dead(registered, post, siti):
    told = post().json()
    client = SuiteClient(siti.browser.issuer, told["client_id"], siti)
    body = redeemed(client, client.authorizes())
    loopback.delete(told["registration_client_uri"], headers={"Authorization": f"Bearer {told['registration_access_token']}"})
    assert client.userinfo(body["access_token"]).status_code == 401
    screenshot(client.sends(), "invalid_client")


def test_without_an_invitation_nobody_registers(issuer):
    answer = loopback.post(f"{issuer}/register", json={"redirect_uris": [CALLBACK]})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_an_invitation_is_good_for_one_registration(house, issuer):
    with house.app.app_context():
        token = registration.issue_initial_access_token()
    said = {"redirect_uris": [CALLBACK], "response_types": ["code"], "grant_types": ["authorization_code"]}

    def register(_: int = 0, **more: Any) -> httpx.Response:
        return loopback.post(f"{issuer}/register", json=said | more, headers={"Authorization": f"Bearer {token}"})

    assert register(redirect_uris=["http://suite.example/"]).status_code == 400  # a mistake does not use it up
    assert register(response_types=["id_token"], grant_types=["implicit"]).status_code == 400
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(register, range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 19
