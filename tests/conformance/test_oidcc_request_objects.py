"""Request objects by value and by address, client assertions, pushed requests."""

import json
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from idp.core import clock, crypto
from idp.oidc.clients import keys
from tests import loopback
from tests.conformance.suite import CALLBACK, CODE, FLOWS, SECRET, SuiteClient, assertion, screenshot, shelf

every_flow = pytest.mark.parametrize("flow", FLOWS, ids=str)
RSA = RSAKey.generate_key(2048, {"kid": "suite-rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "suite-ec", "use": "sig"})
JWKS = KeySet([RSA, EC]).as_dict(private=False)


def signed(client: SuiteClient, alg: str = "RS256", **changes: str | None) -> str:
    """A request object of this client's."""
    now = clock.timestamp()
    claims = client.asks(**changes) | {"iss": client.client_id, "aud": client.issuer, "iat": now, "exp": now + 300}
    return jwt.encode({"alg": alg, "kid": (EC if alg == "ES256" else RSA).kid}, claims, EC if alg == "ES256" else RSA)


def unsigned(client: SuiteClient, **changes: str | None) -> str:
    """One with alg none."""
    _, payload, _ = signed(client, **changes).split(".")
    return ".".join((crypto.b64(b'{"alg":"none"}'), payload, ""))


def outside(client: SuiteClient, **more: str) -> str:
    """What OpenID Connect Core 6.1 wants beside the object in any case."""
    asked = {"client_id": client.client_id, "response_type": client.flow.response_type, "scope": "openid"} | more
    return f"{client.issuer}/authorize?{urlencode(asked)}"


def opens(client: SuiteClient, url: str) -> None:
    """Opens the request and does what the pages ask."""
    client.seen = []
    client.browser.open(url)
    client.drives()


@pytest.fixture
def address() -> Iterator[Callable[..., str]]:
    """A little server of the client's: `address(body)` is where this body can be fetched."""
    with shelf() as found:
        yield found.put


@every_flow
@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_oidcc_request_object_signed(register, flow, alg):
    client = register(flow=flow, jwks=JWKS)
    opens(client, outside(client, request=signed(client, alg)))
    client.completes(client.answered())


@every_flow
def test_oidcc_ensure_request_object_with_redirect_uri(register, flow):
    """The address inside of the signed object counts, and not the one that travelled beside it."""
    client = register(flow=flow, jwks=JWKS)
    opens(client, outside(client, request=signed(client), redirect_uri="https://suite.example/other"))
    client.completes(client.answered())


def test_a_signed_request_to_an_address_that_is_not_registered_is_a_page(register):
    client = register(jwks=JWKS)
    token = signed(client, redirect_uri="https://evil.example/")
    opens(client, outside(client, request=token, redirect_uri=CALLBACK))
    screenshot(client.browser.page)


@every_flow
def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(register, issuer, flow):
    """We list no `none`, so the module is skipped; an unsigned object is an error and never a request."""
    known = loopback.get(f"{issuer}/.well-known/openid-configuration").json()
    assert known["request_parameter_supported"] is True
    assert "none" not in known["request_object_signing_alg_values_supported"]
    client = register(flow=flow, jwks=JWKS)
    token = unsigned(client)
    more = {"response_mode": "form_post"} if flow.form_post else {}
    opens(client, outside(client, request=token, redirect_uri=CALLBACK, state=client.state, **more))
    assert client.answered()["error"] == "invalid_request_object"


def test_a_request_object_signed_by_somebody_else_is_refused(register):
    register("thief", jwks=KeySet([RSAKey.generate_key(2048, {"kid": "suite-rsa"})]).as_dict(private=False))
    thief = register("thief", jwks=JWKS)
    client = register(jwks=KeySet([EC]).as_dict(private=False))
    for token in (signed(client), signed(thief, "ES256")):
        opens(client, outside(client, request=token, redirect_uri=CALLBACK, state=client.state))
        assert client.answered()["error"] == "invalid_request_object"


def test_an_old_request_object_is_refused(register, clock):
    client = register(jwks=JWKS)
    token = signed(client)
    clock.shift(301)
    opens(client, outside(client, request=token, redirect_uri=CALLBACK, state=client.state))
    assert client.answered()["error"] == "invalid_request_object"


@pytest.mark.parametrize("flow", [CODE], ids=str)
def test_oidcc_request_uri_signed_rs256(register, address, flow):
    probe = register(flow=flow, jwks=JWKS, request_uris=("http://127.0.0.1:9/",))
    uri = address(signed(probe))
    client = register(flow=flow, jwks=JWKS, request_uris=(uri,))
    client.state, client.nonce = probe.state, probe.nonce
    opens(client, outside(client, request_uri=uri))
    client.completes(client.answered())


def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(register, address):
    probe = register(jwks=JWKS)
    uri = address(unsigned(probe))
    client = register(jwks=JWKS, request_uris=(uri,))
    client.state = probe.state
    opens(client, outside(client, request_uri=uri, redirect_uri=CALLBACK, state=client.state))
    assert client.answered()["error"] == "invalid_request_object"


def test_a_request_uri_that_nobody_registered_is_not_fetched(register):
    client = register(jwks=JWKS)
    client.asks()
    opens(client, outside(client, request_uri="https://elsewhere.example/r", redirect_uri=CALLBACK, state=client.state))
    assert client.answered()["error"] == "invalid_request_uri"


def test_a_client_that_must_sign_is_not_heard_unsigned(register):
    client = register(jwks=JWKS, require_signed_request_object=True)
    client.sends()
    assert client.answered()["error"] == "invalid_request"
    opens(client, outside(client, request=signed(client)))
    client.completes(client.answered())
    pushed = client.calls("/par", **client.asks())
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")
    pushed = client.calls("/par", request=signed(client))
    opens(client, outside(client, request_uri=pushed.json()["request_uri"]))
    client.completes(client.answered())


def test_a_pushed_request(register):
    client = register(require_pushed_authorization_requests=True)
    name = client.calls("/par", **client.asks()).json()["request_uri"]
    opens(client, outside(client, request_uri=name))
    client.completes(client.answered())
    assert client.seen == ["login", "consent"]


@pytest.mark.parametrize("audience", ["issuer", "token endpoint"])
def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(register, audience):
    accepts = {} if audience == "issuer" else {"assertion_audience": "endpoint"}
    client = register(token_endpoint_auth_method="private_key_jwt", client_secret_hash=None, jwks=JWKS, **accepts)
    meant = client.issuer if audience == "issuer" else f"{client.issuer}/token"
    proof = assertion(client, RSA, "RS256", meant)
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, **proof}
    told = loopback.post(f"{client.issuer}/token", data=form | {"code": client.authorizes()["code"]})
    assert told.status_code == 200, told.text
    again = loopback.post(f"{client.issuer}/token", data=form | {"code": client.authorizes()["code"]})
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


def test_oidcc_server_client_secret_jwt(register, house):
    client = register(token_endpoint_auth_method="client_secret_jwt", client_secret_hash=None, client_secret_env="SUITE")
    house.app.extensions["idp.clients"].known["suite"].with_secret(SECRET)
    proof = assertion(client, OctKey.import_key(SECRET), "HS256", client.issuer)
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": client.authorizes()["code"]}
    assert loopback.post(f"{client.issuer}/token", data=form | proof).status_code == 200


def test_oidcc_refresh_token_rp_key_rotation(register, address):
    """The client puts another key at its jwks_uri; refreshing with that one works."""
    first, second = RSA, RSAKey.generate_key(2048, {"kid": "suite-new", "use": "sig"})
    uri = address(json.dumps(KeySet([first]).as_dict(private=False)), "/jwks")
    client = register(token_endpoint_auth_method="private_key_jwt", client_secret_hash=None, jwks_uri=uri)
    given = client.authorizes(scope="openid offline_access", prompt="consent")
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code": given["code"]}
    body = loopback.post(f"{client.issuer}/token", data=form | assertion(client, first, "RS256", client.issuer)).json()
    address(json.dumps(KeySet([second]).as_dict(private=False)), "/jwks")
    keys.forget_key_set(uri)
    again = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    told = loopback.post(f"{client.issuer}/token", data=again | assertion(client, second, "RS256", client.issuer))
    assert told.status_code == 200, told.text
