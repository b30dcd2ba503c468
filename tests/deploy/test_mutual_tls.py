"""deploy/nginx-mtls.conf by real nginx with real certificates: what a service shows there, and what nobody can pretend."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from flask import Flask
from werkzeug.serving import make_server

from idp.oidc.clients.client import Client
from idp.storage.database import db
from tests.conftest import Quiet
from tests.deploy import nginx
from tests.deploy.nginx import MTLS_NAME, NAME, Nginx
from tests.service_certificates import Certified, certified

AUTHORITY = certified("authority", authority=True)
JKP, SELF, THIEF = certified("jkp", by=AUTHORITY), certified("self"), certified("jkp")
BOUND: dict[str, Any] = {"client_name": "JKP", "grant_types": ("client_credentials",), "redirect_uris": (), "scope": "api",
                         "tls_client_certificate_bound_access_tokens": True}  # fmt: skip


@pytest.fixture
def behind(make_app: Callable[..., Flask]) -> Iterator[int]:
    """The provider behind a proxy that hands certificates over, with a client of each method; its port."""
    app = make_app(mtls_url=f"https://{MTLS_NAME}", trusted_proxies=("127.0.0.1",))
    known = app.extensions["idp.clients"].known
    known["jkp"] = Client(
        client_id="jkp", token_endpoint_auth_method="tls_client_auth", tls_client_auth_san_dns="jkp.example.go.id", **BOUND
    )
    known["self"] = Client(
        client_id="self", token_endpoint_auth_method="self_signed_tls_client_auth", jwks={"keys": [SELF.jwk()]}, **BOUND
    )
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield int(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def front(tmp_path: Path, behind: int) -> Iterator[Nginx]:
    with nginx.running(tmp_path / "nginx", behind, authorities=AUTHORITY.pem) as made:
        yield made


def asks(
    front: Nginx, client_id: str, certificate: Certified | None, name: str = MTLS_NAME, sni: str = "", **headers: str
) -> Any:
    """A token request over TLS with this certificate."""
    context: ssl.SSLContext = front.context()
    if certificate:
        context.load_cert_chain(*certificate.files(front.home))
    form = {"grant_type": "client_credentials", "client_id": client_id, "scope": "api"}
    with httpx.Client(transport=httpx.HTTPTransport(verify=context), timeout=30) as client:
        url = f"https://127.0.0.1:{front.port}/token"
        return client.post(url, data=form, headers={"Host": name} | headers, extensions={"sni_hostname": sni or name})


def test_services_prove_themselves_through_nginx(front: Nginx) -> None:
    """IDP_MTLS_URL: by an authority's certificate or their own; nobody by another, by a header, or at the other name."""
    for client_id, certificate in (("jkp", JKP), ("self", SELF)):
        given = asks(front, client_id, certificate)
        assert (given.status_code, given.json().get("token_type")) == (200, "Bearer"), given.text
    pretended = {"Client-Cert": JKP.escaped, "Client-Cert-Verify": "SUCCESS"}
    refused = [
        asks(front, "jkp", None), asks(front, "jkp", THIEF), asks(front, "jkp", SELF), asks(front, "self", JKP),
        asks(front, "jkp", None, **pretended), asks(front, "jkp", THIEF, **pretended),
        asks(front, "jkp", None, NAME, **pretended), asks(front, "jkp", JKP, NAME),
    ]  # fmt: skip
    assert [(answer.status_code, answer.json()["error"]) for answer in refused] == [(401, "invalid_client")] * len(refused)


def test_a_connection_for_one_name_serves_no_other(front: Nginx) -> None:
    """One begun without a certificate, under the name for people, cannot be used for the name for services."""
    crossed = asks(front, "jkp", JKP, MTLS_NAME, sni=NAME, **{"Client-Cert": JKP.escaped, "Client-Cert-Verify": "SUCCESS"})
    assert crossed.status_code == 421


def test_no_page_is_shown_where_certificates_are_asked_for(front: Nginx) -> None:
    for path in ("/", "/authorize", "/account", "/metrics", "/interaction/x", "/tokens", "/.well-known/openid-configuration"):
        with front.client() as client:
            headers = {"Host": MTLS_NAME}
            told = client.get(f"https://127.0.0.1:{front.port}{path}", headers=headers, extensions={"sni_hostname": MTLS_NAME})
        assert (told.status_code, "set-cookie" in told.headers) == (404, False), path
