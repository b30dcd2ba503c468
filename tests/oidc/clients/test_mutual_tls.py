"""Mutual TLS (RFC 8705): clients by certificate, tokens bound to one, and a header that only the proxy is believed."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.oidc.clients import certificates
from idp.oidc.clients.client import Client
from idp.oidc.metadata import discovery
from tests.oidc.conftest import CALLBACK, VERIFIER, RelyingParty
from tests.prover import Prover
from tests.service_certificates import Certified, certified

HOST = "mtls.id.example.go.id"
AUTHORITY = certified("authority", authority=True)
JKP, THIEF = certified("jkp", by=AUTHORITY), certified("jkp")
DN = r"CN=jkp,O=BPJS\, Jakarta,C=ID"
CLIENT = {"token_endpoint_auth_method": "tls_client_auth", "client_secret_hash": None}


@pytest.fixture
def mtls(app: Flask) -> Iterator[Flask]:
    """A proxy on this machine hands certificates over, on requests to a name of their own."""
    before = app.extensions["idp.settings"]
    changes = {"mtls_url": f"https://{HOST}", "trusted_proxies": ("127.0.0.1",)}
    app.extensions["idp.settings"] = before.model_copy(update=changes)
    yield app
    app.extensions["idp.settings"] = before


def shown(certificate: Certified | None, verdict: str = "SUCCESS", **changes: str) -> dict[str, str]:
    """The headers that the proxy adds."""
    told = {"Client-Cert": certificate.escaped, "Client-Cert-Verify": verdict} if certificate else {}
    return {"Host": HOST} | told | changes


def post(app: Flask, path: str, headers: dict[str, str], peer: str = "127.0.0.1", **form: str) -> TestResponse:
    return app.test_client().post(path, data=form, headers=headers, environ_base={"REMOTE_ADDR": peer})


def proved(app: Flask, headers: dict[str, str], peer: str = "127.0.0.1", **form: str) -> str:
    """`invalid_client`, or what is wrong once the client is believed: its code is not known."""
    asked = {"client_id": "jkp", "grant_type": "authorization_code", "code": "00" + "x" * 43, "redirect_uri": CALLBACK} | form
    return str(post(app, "/token", headers, peer, **asked).json["error"])


@pytest.mark.parametrize(
    ("member", "right", "wrong"),
    [
        ("tls_client_auth_subject_dn", DN, "CN=jkp,C=ID"),
        ("tls_client_auth_san_dns", "JKP.example.go.id", "wlkp.example.go.id"),
        ("tls_client_auth_san_uri", "urn:service:jkp", "urn:service"),
        ("tls_client_auth_san_ip", "192.0.2.7", "192.0.2.70"),
        ("tls_client_auth_san_email", "jkp@example.go.id", "wlkp@example.go.id"),
    ],
)
def test_a_client_is_who_its_authority_says(mtls: Flask, register: Any, member: str, right: str, wrong: str) -> None:
    """RFC 8705 section 2.1: the subject as registered, of a certificate that an authority made."""
    register("jkp", **CLIENT, **{member: right})
    assert proved(mtls, shown(JKP)) == "invalid_grant"
    for verdict in ("FAILED:self-signed certificate", "NONE", "", "success"):
        assert proved(mtls, shown(JKP, verdict)) == "invalid_client", verdict
    register("jkp", **CLIENT, **{member: wrong})
    assert proved(mtls, shown(JKP)) == "invalid_client"


def test_a_certificate_of_its_own_is_compared_byte_by_byte(mtls: Flask, register: Any) -> None:
    """RFC 8705 section 2.2: no authority, one of the certificates in the client's keys; another of the same name is nobody's."""
    own = certified("jkp")
    register("jkp", **CLIENT | {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [own.jwk()]}})
    assert proved(mtls, shown(own, "FAILED:self-signed certificate")) == "invalid_grant"
    for other in (THIEF, JKP):
        assert proved(mtls, shown(other)) == "invalid_client"


def test_the_header_is_believed_from_the_proxy_alone(mtls: Flask, register: Any) -> None:
    """Fails closed: without the setting, from another peer, under another name, unreadable, or more than one."""
    register("jkp", **CLIENT, tls_client_auth_subject_dn=DN)
    right = shown(JKP)
    assert proved(mtls, right | {"Client-Cert": f":{base64.b64encode(JKP.der).decode()}:"}) == "invalid_grant", "RFC 9440"
    assert proved(mtls, right, peer="192.0.2.1") == "invalid_client"
    for host in ("localhost", f"{HOST}.evil.example", "id.example.go.id", ""):
        assert proved(mtls, right | {"Host": host}) == "invalid_client", host
    garbage = (
        "x",
        "::",
        ":AAAA:",
        ":é:",
        JKP.escaped[:-20],
        JKP.escaped * 2,
        f"{JKP.escaped},{JKP.escaped}",
        "%ff" * 100,
        "A" * 40_000,
    )
    for sent in garbage:
        assert proved(mtls, right | {"Client-Cert": sent}) == "invalid_client", sent[:20]
    mtls.extensions["idp.settings"] = mtls.extensions["idp.settings"].model_copy(update={"mtls_url": ""})
    assert proved(mtls, right) == "invalid_client"


def test_a_certificate_is_one_method_and_the_registered_one(mtls: Flask, register: Any) -> None:
    party = register("jkp", **CLIENT, tls_client_auth_subject_dn=DN)
    assert proved(mtls, shown(JKP), client_secret="x") == "invalid_request"
    assert proved(mtls, shown(JKP) | party.basic) == "invalid_request"
    assert proved(mtls, shown(None)) == "invalid_client"
    register("jkp")
    assert proved(mtls, shown(JKP)) == "invalid_client", "a secret is registered"
    assert proved(mtls, shown(JKP) | party.basic) == "invalid_grant", "a certificate beside it is no second method"


def bound(mtls: Flask, register: Any, browser: FlaskClient, **changes: Any) -> tuple[RelyingParty, dict[str, Any]]:
    party = register("jkp", tls_client_certificate_bound_access_tokens=True, **changes)
    form = {"grant_type": "authorization_code", "code": party.code(browser), "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    headers = shown(JKP) | (party.basic if "client_secret_hash" not in changes else {})
    given = post(mtls, "/token", headers, client_id="jkp", **form)
    assert given.status_code == 200, given.json
    return party, dict(given.json)


def test_a_token_is_bound_to_the_certificate(mtls: Flask, register: Any, browser: FlaskClient) -> None:
    """RFC 8705 section 3: by another connection, or without a certificate, it opens nothing."""
    party, given = bound(mtls, register, browser)
    token = {"Authorization": f"Bearer {given['access_token']}"}
    assert given["token_type"] == "Bearer"
    assert party.post("/introspect", token=given["access_token"]).json["cnf"] == {"x5t#S256": JKP.thumbprint}
    assert mtls.test_client().get("/userinfo", headers=shown(JKP) | token).json["email"] == "siti@example.com"
    for headers in (shown(THIEF), shown(None), shown(JKP, Host="id.example.go.id"), {"Host": "localhost"}):
        assert mtls.test_client().get("/userinfo", headers=headers | token).status_code == 401
    dpop = Prover(party.issuer).header("/userinfo", "GET", given["access_token"])
    assert mtls.test_client().get("/userinfo", headers=shown(JKP) | dpop).status_code == 401, "it is bound to no key"
    missing = post(mtls, "/token", shown(None) | party.basic, grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert (missing.status_code, missing.json["error"]) == (400, "invalid_request")


def test_the_refresh_token_of_a_public_client_is_bound_too(mtls: Flask, register: Any, browser: FlaskClient) -> None:
    """RFC 8705 section 4."""
    public = {
        "token_endpoint_auth_method": "none",
        "client_secret_hash": None,
        "grant_types": ("authorization_code", "refresh_token"),
    }
    _, given = bound(mtls, register, browser, **public)
    form = {"client_id": "jkp", "grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    assert post(mtls, "/token", shown(THIEF), **form).json["error"] == "invalid_grant"
    assert post(mtls, "/token", shown(JKP), **form).status_code == 200


def test_both_at_once_are_both_asked_for(mtls: Flask, register: Any, browser: FlaskClient) -> None:
    """A token bound to a key and to a certificate opens nothing with one of them."""
    party = register("jkp", tls_client_certificate_bound_access_tokens=True, dpop_bound_access_tokens=True)
    prover, base = Prover(f"https://{HOST}"), {"code_verifier": VERIFIER, "redirect_uri": CALLBACK}
    headers = shown(JKP) | party.basic | {"DPoP": prover.proof("/token")}
    given = post(mtls, "/token", headers, grant_type="authorization_code", code=party.code(browser), **base).json
    assert given["token_type"] == "DPoP"
    for certificate, status in ((JKP, 200), (THIEF, 401), (None, 401)):
        shows = shown(certificate) | prover.header("/userinfo", "GET", given["access_token"])
        assert mtls.test_client().get("/userinfo", headers=shows).status_code == status


def test_it_is_advertised_where_it_works(app: Flask, mtls: Flask, make_app: Callable[..., Flask]) -> None:
    plain = app.test_client().get("/.well-known/openid-configuration").json
    assert not {"mtls_endpoint_aliases", "tls_client_certificate_bound_access_tokens"} & plain.keys()
    assert not [method for method in plain["token_endpoint_auth_methods_supported"] if "tls" in method]
    told = discovery.metadata(mtls.extensions["idp.settings"])
    assert told["tls_client_certificate_bound_access_tokens"] is True
    assert told["mtls_endpoint_aliases"]["token_endpoint"] == f"https://{HOST}/token"
    assert {member for member in told["mtls_endpoint_aliases"] if member not in told} == set()
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(told["token_endpoint_auth_methods_supported"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (CLIENT, "tls_client_auth_subject_dn is missing"),
        (CLIENT | {"tls_client_auth_subject_dn": DN, "tls_client_auth_san_dns": "a.b"}, "tls_client_auth_san_dns stands beside"),
        (CLIENT | {"tls_client_auth_subject_dn": "jkp"}, "subject_dn cannot be read"),
        (CLIENT | {"tls_client_auth_san_ip": "jkp"}, "san_ip cannot be read"),
        ({"tls_client_auth_san_dns": "a.b"}, "san_dns is for token_endpoint_auth_method: tls_client_auth alone"),
        (CLIENT | {"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "jwks is missing"),
        ({"tls_client_certificate_bound_access_tokens": True, "profile": "legacy", "response_types": ("code token",)}, "no redirect"),
    ],
)  # fmt: skip
def test_each_slip_in_an_entry_is_told(register: Any, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as told:
        register("jkp", **changes)
    problem = told.value.errors()[0]["ctx"]["error"]
    assert sentence in f"{problem.member} {problem.sentence}"


def test_the_table_of_subjects_is_the_entrys() -> None:
    named = {name for name in Client.model_fields if name.startswith("tls_client_auth_")}
    assert named == {subject.member for subject in certificates.SUBJECTS}
