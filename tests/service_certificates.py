"""Certificates of services, as tests want them: from an authority or self-signed, with whatever names."""

import datetime
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from idp.core import crypto

PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(PEM).decode()

    @property
    def escaped(self) -> str:
        """As nginx tells it: `$ssl_client_escaped_cert`."""
        return quote(self.pem)

    @property
    def thumbprint(self) -> str:
        return crypto.thumbprint(self.der)

    def jwk(self) -> dict[str, object]:
        """The public key with its certificate (RFC 7517 section 4.7)."""
        import base64

        public = self.key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return ECKey.import_key(public).as_dict(private=False) | {"x5c": [base64.b64encode(self.der).decode()]}

    def files(self, home: Path) -> tuple[str, str]:
        """Certificate and key as files, for a client of TLS."""
        names = home / f"{self.thumbprint}.pem", home / f"{self.thumbprint}.key"
        names[0].write_text(self.pem)
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        names[1].write_bytes(self.key.private_bytes(PEM, *form))
        return str(names[0]), str(names[1])


def certified(name: str = "jkp", by: Certified | None = None, authority: bool = False) -> Certified:
    """A fresh certificate for this service, self-signed unless an authority makes it, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([
        x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "ID"), x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "BPJS, Jakarta"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
    ])  # fmt: skip
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName(f"{name}.example.go.id"), x509.UniformResourceIdentifier(f"urn:service:{name}"),
        x509.IPAddress(ip_address("192.0.2.7")), x509.RFC822Name(f"{name}@example.go.id"),
    ]  # fmt: skip
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), True)
        .sign(by.key if by else key, hashes.SHA256())
    )  # fmt: skip
    return Certified(made, key)
