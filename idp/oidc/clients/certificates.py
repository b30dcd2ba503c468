"""Client certificates (RFC 8705), as the proxy that ended TLS hands them over (RFC 9440): believed from that proxy alone."""

import binascii
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

import flask
from cryptography import x509

from idp.core import crypto
from idp.core.settings import settings
from idp.web.requests import in_networks

CERTIFICATE_HEADER = "Client-Cert"  # RFC 9440 section 2.2; nginx, which cannot write that, sends PEM, percent-encoded
VERDICT_HEADER = "Client-Cert-Verify"  # what nginx made of the chain, ours: `SUCCESS` when an authority of its file signed
MAX_LENGTH = 32 * 1024
_PEM_BEGINS, _PEM_ENDS = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate whose private key the peer has shown to the proxy; `verified` when an authority vouches for it too."""

    der: bytes = field(repr=False)
    verified: bool

    @property
    def thumbprint(self) -> str:
        """`x5t#S256` (RFC 8705 section 3.1)."""
        return crypto.thumbprint(self.der)

    def parsed(self) -> x509.Certificate:
        """The certificate itself; it has been read before."""
        return x509.load_der_x509_certificate(self.der)


@dataclass(frozen=True, slots=True)
class Subject:
    """A member by which a client names the subject of its certificate: how it is read, and where in a certificate it stands.

    `read` raises ValueError for what cannot be such a name.
    """

    member: str
    read: Callable[[str], Any]
    found_in: Callable[[x509.Certificate], list[Any]]


def presented() -> ClientCertificate | None:
    """The certificate of the current request, None without one that can be believed: fails closed.

    Believed where IDP_MTLS_URL is set, from a proxy of IDP_TRUSTED_PROXIES, and only on requests to the name of that URL: a
    proxy that forgets to remove the header of a stranger on its other names opens nothing.
    """
    base = settings().mtls_url
    sent = flask.request.headers.get(CERTIFICATE_HEADER) if base else None
    if not sent or len(sent) > MAX_LENGTH or not _by_the_proxy(base):
        return None
    try:
        der = _der(sent)
        x509.load_der_x509_certificate(der)
    except ValueError:  # binascii.Error is one
        return None
    return ClientCertificate(der, flask.request.headers.get(VERDICT_HEADER) == "SUCCESS")


def _alternative_names(parsed: x509.Certificate, kind: Any) -> list[Any]:
    try:
        return list(parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(kind))
    except x509.ExtensionNotFound:
        return []


# RFC 8705 section 2.1.2. Distinguished names are compared name by name, whatever string types the authority chose (RFC 4514).
SUBJECTS: tuple[Subject, ...] = (
    Subject("tls_client_auth_subject_dn", x509.Name.from_rfc4514_string, lambda parsed: [parsed.subject]),
    Subject("tls_client_auth_san_dns", str.lower, lambda parsed: [n.lower() for n in _alternative_names(parsed, x509.DNSName)]),
    Subject("tls_client_auth_san_uri", str, lambda parsed: _alternative_names(parsed, x509.UniformResourceIdentifier)),
    Subject("tls_client_auth_san_ip", ip_address, lambda parsed: _alternative_names(parsed, x509.IPAddress)),
    Subject("tls_client_auth_san_email", str, lambda parsed: _alternative_names(parsed, x509.RFC822Name)),
)


def _by_the_proxy(base: str) -> bool:
    asked = flask.request.headers.get("Host", "").partition(":")[0].lower()
    return asked == urlsplit(base).hostname and in_networks(flask.request.remote_addr or "", settings().trusted_proxies)


def _der(sent: str) -> bytes:
    """From a byte sequence of structured fields (`:base64:`), or from PEM."""
    if sent.startswith(":") and sent.endswith(":"):
        return b64decode(sent[1:-1], validate=True)
    pem = unquote(sent).strip()
    if not pem.startswith(_PEM_BEGINS) or not pem.endswith(_PEM_ENDS):
        raise binascii.Error("neither a byte sequence nor one certificate in PEM")
    return b64decode("".join(pem.removeprefix(_PEM_BEGINS).removesuffix(_PEM_ENDS).split()), validate=True)
