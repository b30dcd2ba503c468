"""Clients that prove themselves with a certificate: tls_client_auth and self_signed_tls_client_auth (RFC 8705 section 2)."""

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from idp.core.settings import Settings
from idp.oidc.clients import certificates, keys
from idp.oidc.clients.certificates import ClientCertificate
from idp.oidc.clients.directory import clients
from idp.oidc.request import Request

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client, Proof

METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
# What is called by clients, and so by a second address whose TLS asks for certificates (RFC 8705 section 5).
ALIASED = {
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
    "pushed_authorization_request_endpoint": "/par",
    "device_authorization_endpoint": "/device_authorization",
}


def attempted(request: Request) -> bool:
    """Whether a certificate came along, and the client that the request names proves itself by one."""
    if certificates.presented() is None:
        return False
    client = claimed(request)
    return client is not None and client.token_endpoint_auth_method in METHODS


def claimed(request: Request) -> "Client | None":
    """The client that the request names: `client_id` is a must here (section 2)."""
    return clients().find(request.get("client_id"))


def prove(request: Request) -> "Proof":
    """The client and its method; None when the certificate is not what it registered."""
    client, certificate = claimed(request), certificates.presented()
    if client is None or certificate is None:
        return None
    method = client.token_endpoint_auth_method
    holds = _is_of_subject if method == "tls_client_auth" else _is_registered
    return (client, method) if holds(certificate, client) else None


def metadata(known: Settings) -> dict[str, Any]:
    """What discovery says about it (sections 3.3 and 5), where a proxy hands certificates over."""
    if not known.mtls_url:
        return {}
    aliases = {member: known.mtls_url + path for member, path in ALIASED.items()}
    return {"tls_client_certificate_bound_access_tokens": True, "mtls_endpoint_aliases": aliases}


def _is_of_subject(certificate: ClientCertificate, client: "Client") -> bool:
    """Section 2.1: an authority of the proxy's vouches for it, and it names the one subject that is registered."""
    if not certificate.verified:
        return False
    parsed = certificate.parsed()
    wanted = [(subject, getattr(client, subject.member)) for subject in certificates.SUBJECTS]
    return any(subject.read(named) in subject.found_in(parsed) for subject, named in wanted if named is not None)


def _is_registered(certificate: ClientCertificate, client: "Client") -> bool:
    """Section 2.2: it is one of those in the client's keys, byte by byte; nobody needs to vouch for it."""
    for missing in (False, True):
        try:
            known = keys.public_keys(client, missing=missing)
        except keys.ClientJwtError:
            return False
        if any(_certificate_of(key) == certificate.der for key in known):
            return True
    return False


def _certificate_of(key: Any) -> bytes:
    chain = key.get("x5c") or [""]
    try:
        return b64decode(chain[0], validate=True)
    except (ValueError, TypeError):
        return b""
