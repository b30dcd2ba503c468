"""The Config plan: what discovery and the published keys must hold."""

from datetime import timedelta

import pytest

from idp.oidc.tokens import signing_keys
from tests import loopback

PATHS = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]


@pytest.fixture
def known(issuer) -> dict:
    """The discovery document."""
    return dict(loopback.get(f"{issuer}/.well-known/openid-configuration").json())


@pytest.mark.parametrize("path", PATHS)
def test_oidcc_discovery_endpoint_verification(issuer, path):
    answer = loopback.get(issuer + path)
    known = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert known["issuer"] == issuer
    assert {"code", "id_token", "id_token token"} <= set(known["response_types_supported"])
    assert {"authorization_code", "implicit"} <= set(known["grant_types_supported"])
    assert {"public", "pairwise"} == set(known["subject_types_supported"])
    assert "RS256" in known["id_token_signing_alg_values_supported"]
    assert "RS256" in known["request_object_signing_alg_values_supported"]
    assert "openid" in known["scopes_supported"]
    assert isinstance(known["code_challenge_methods_supported"], list)
    assert {"sub", "name", "email", "phone_number"} <= set(known["claims_supported"])


def test_every_endpoint_is_of_the_issuer_and_there(known, issuer):
    endpoints = {name: url for name, url in known.items() if name.endswith(("_endpoint", "_iframe")) or name == "jwks_uri"}
    assert len(endpoints) >= 9
    for name, url in endpoints.items():
        assert url.startswith(f"{issuer}/"), name
        assert loopback.get(url).status_code != 404, name


def test_flags_are_booleans_and_lists_are_lists(known):
    for name, value in known.items():
        if name.endswith("_values_supported"):
            assert isinstance(value, list), name
            assert len(set(value)) == len(value), name
    assert all(known[name] is True for name in ("claims_parameter_supported", "request_parameter_supported"))


def test_the_published_keys_are_public(known):
    keys = loopback.get(known["jwks_uri"]).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"}
        assert key["use"] == "sig"
        assert key["kty"] in ("RSA", "EC", "OKP")


@pytest.mark.parametrize("plan", ["backchannel", "frontchannel"])
def test_oidcc_logout_discovery_endpoint_verification(known, plan):
    assert known[f"{plan}_logout_supported"] is True
    assert known[f"{plan}_logout_session_supported"] is True


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(known, issuer):
    assert known["end_session_endpoint"] == f"{issuer}/logout"


def test_oidcc_session_management_discovery_endpoint_verification(known, issuer):
    assert known["check_session_iframe"] == f"{issuer}/check_session"
    frame = loopback.get(known["check_session_iframe"])
    assert frame.status_code == 200
    assert "X-Frame-Options" not in frame.headers
    assert "frame-ancestors *" in frame.headers["Content-Security-Policy"]


def test_oidcc_server_rotate_keys(register, house, clock):
    """The next key is published a day before it signs; what the old one signed still verifies afterwards."""
    client = register()
    before = client.signs_in()
    with house.app.app_context():
        new = signing_keys.rotate("RS256")
    known = [key["kid"] for key in loopback.get(f"{house.issuer}/jwks.json").json()["keys"]]
    assert new in known
    clock.shift(timedelta(hours=24, seconds=1))
    after = client.signs_in()
    assert after.id_token.split(".")[0] != before.id_token.split(".")[0]
    assert set(known) == {key["kid"] for key in loopback.get(f"{house.issuer}/jwks.json").json()["keys"]}


@pytest.mark.parametrize("uri", ["https://suite.example/start", None])
def test_oidcc_3rd_party_init_login(register, house, uri):
    """The client says where a sign-in can be begun for it; a plain http address (…-non-https) cannot be registered."""
    client = register(initiate_login_uri=uri)
    found = house.app.extensions["idp.clients"].find(client.client_id)
    assert found.initiate_login_uri == uri
    with pytest.raises(ValueError, match="public host"):
        register("bad", initiate_login_uri="http://suite.example/start")
