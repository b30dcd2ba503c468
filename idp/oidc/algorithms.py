"""Every JOSE algorithm that we speak, a row each: whoever signs, checks, encrypts, registers or publishes reads these tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

# RFC 9864 renames EdDSA, OpenID clients still know it by this name only: joserfc would warn at each signature.
jws.JWSRegistry.algorithms["EdDSA"].security_warning = None

SignerOf = Callable[[Any], Callable[[bytes], bytes]]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A kind of key pair: its `kty` (RFC 7518 section 6.1), how one is made, and how one is read from a JWK."""

    kty: str
    make: Callable[[], Key]
    read: Callable[[dict[str, Any]], Key]


@dataclass(frozen=True, slots=True)
class SigningAlgorithm:
    """An algorithm with a key pair: we sign tokens with it, clients their assertions and request objects.

    `signer` makes of a private key what signs with it: a JOSE library's checks on each call cost as much as an ES256
    signature.
    """

    name: str
    key: KeyPair
    signer: SignerOf
    clause: str
    fapi: bool = True  # whether FAPI 2.0 Security Profile section 5.4 permits it


@dataclass(frozen=True, slots=True)
class KeyManagement:
    """How a cipher's key reaches the client: under a key of this `kty`, for "oct" one of so many `bits` from the secret."""

    name: str
    kty: str
    bits: int | None  # None: as many as the cipher wants
    clause: str

    @property
    def symmetric(self) -> bool:
        """Whether it needs the client's secret itself (OpenID Connect Core 10.2)."""
        return self.kty == "oct"


@dataclass(frozen=True, slots=True)
class ContentEncryption:
    """A cipher and how long its key is; those with CBC need as many bits again for their HMAC (RFC 7518 section 5.2)."""

    name: str
    bits: int
    clause: str


def rsa() -> KeyPair:
    """An RSA key of 2048 bits, the least that RFC 7518 section 3.3 allows."""
    return KeyPair("RSA", lambda: RSAKey.generate_key(2048), RSAKey.import_key)


def elliptic(curve: str) -> KeyPair:
    """A key on a NIST curve, such as "P-256"."""
    return KeyPair("EC", lambda: ECKey.generate_key(curve), ECKey.import_key)


def edwards(curve: Literal["Ed25519", "Ed448"]) -> KeyPair:
    """A key on an Edwards curve, such as "Ed25519" (RFC 8037)."""
    return KeyPair("OKP", lambda: OKPKey.generate_key(curve), OKPKey.import_key)


def pkcs1(digest: HashAlgorithm) -> SignerOf:
    """RSASSA-PKCS1-v1_5 (RFC 7518 section 3.3)."""
    return lambda private: lambda message: cast(bytes, private.sign(message, padding.PKCS1v15(), digest))


def pss(digest: HashAlgorithm) -> SignerOf:
    """RSASSA-PSS, its salt as long as the hash (RFC 7518 section 3.5)."""
    scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return lambda private: lambda message: cast(bytes, private.sign(message, scheme, digest))


def ecdsa(digest: HashAlgorithm) -> SignerOf:
    """ECDSA, its two numbers side by side, each as long as the curve (RFC 7518 section 3.4)."""
    return lambda private: lambda message: _joined(private.sign(message, ec.ECDSA(digest)), (private.curve.key_size + 7) // 8)


def eddsa(private: Any) -> Callable[[bytes], bytes]:
    """The signature as the curve defines it (RFC 8037 section 3.1)."""
    return cast(Callable[[bytes], bytes], private.sign)


def _joined(der: bytes, size: int) -> bytes:
    r, s = decode_dss_signature(der)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


class Named(Protocol):
    """A row that is found by its name, as JOSE headers and registrations have it."""

    @property
    def name(self) -> str:
        """The name that IANA registered."""


Row = TypeVar("Row", bound=Named)

SIGNING: tuple[SigningAlgorithm, ...] = (
    SigningAlgorithm("RS256", rsa(), pkcs1(SHA256()), "RFC 7518 3.3; REQUIRED by OpenID Connect Core 15.1", fapi=False),
    SigningAlgorithm("PS256", rsa(), pss(SHA256()), "RFC 7518 3.5; FAPI 2.0 Security Profile 5.4"),
    SigningAlgorithm("ES256", elliptic("P-256"), ecdsa(SHA256()), "RFC 7518 3.4; FAPI 2.0 Security Profile 5.4"),
    SigningAlgorithm("EdDSA", edwards("Ed25519"), eddsa, "RFC 8037 3.1; FAPI 2.0 Security Profile 5.4"),
)
# With the client's secret, for client_secret_jwt alone (OpenID Connect Core 9).
ASSERTION_HMACS: tuple[tuple[str, str], ...] = (
    ("HS256", "RFC 7518 3.2"),
    ("HS384", "RFC 7518 3.2"),
    ("HS512", "RFC 7518 3.2"),
)
KEY_MANAGEMENT: tuple[KeyManagement, ...] = (
    KeyManagement("RSA-OAEP", "RSA", None, "RFC 7518 4.3"),
    KeyManagement("RSA-OAEP-256", "RSA", None, "RFC 7518 4.3"),
    KeyManagement("ECDH-ES", "EC", None, "RFC 7518 4.6"),
    KeyManagement("ECDH-ES+A128KW", "EC", None, "RFC 7518 4.6"),
    KeyManagement("ECDH-ES+A256KW", "EC", None, "RFC 7518 4.6"),
    KeyManagement("A128KW", "oct", 128, "RFC 7518 4.4"),
    KeyManagement("A256KW", "oct", 256, "RFC 7518 4.4"),
    KeyManagement("dir", "oct", None, "RFC 7518 4.5"),
)
CONTENT_ENCRYPTION: tuple[ContentEncryption, ...] = (
    ContentEncryption("A128GCM", 128, "RFC 7518 5.3"),
    ContentEncryption("A256GCM", 256, "RFC 7518 5.3"),
    ContentEncryption("A128CBC-HS256", 256, "RFC 7518 5.2.3"),
    ContentEncryption("A256CBC-HS512", 512, "RFC 7518 5.2.5"),
)


def signing_names() -> tuple[str, ...]:
    """What we sign with, and accept from clients that have a key pair; never `none`."""
    return tuple(row.name for row in SIGNING)


def fapi_names() -> tuple[str, ...]:
    """Those that FAPI 2.0 Security Profile section 5.4 permits, and that proofs of possession are signed with."""
    return tuple(row.name for row in SIGNING if row.fapi)


def hmac_names() -> tuple[str, ...]:
    """What clients may sign assertions with that share a secret with us."""
    return tuple(name for name, _clause in ASSERTION_HMACS)


def assertion_names() -> tuple[str, ...]:
    """What clients may sign assertions with, by either method."""
    return signing_names() + hmac_names()


def key_management_names() -> tuple[str, ...]:
    """What a client may have content keys encrypted with."""
    return tuple(row.name for row in KEY_MANAGEMENT)


def content_encryption_names() -> tuple[str, ...]:
    """The ciphers that a client may choose."""
    return tuple(row.name for row in CONTENT_ENCRYPTION)


def signing(name: str) -> SigningAlgorithm:
    """The row of this name; raises LookupError."""
    return _row(SIGNING, name)


def key_management(name: str) -> KeyManagement:
    """The row of this name; raises LookupError."""
    return _row(KEY_MANAGEMENT, name)


def content_encryption(name: str) -> ContentEncryption:
    """The row of this name; raises LookupError."""
    return _row(CONTENT_ENCRYPTION, name)


def verification_kty(name: str) -> str | None:
    """The `kty` that alone may verify this algorithm (RFC 8725 section 3.1): "oct" for an HMAC, None for what is unknown."""
    if name in hmac_names():
        return "oct"
    return next((row.key.kty for row in SIGNING if row.name == name), None)


def usual(kty: str) -> str:
    """What is signed with where nobody named an algorithm: the first row for a key of this `kty`; raises LookupError."""
    for name in assertion_names():
        if verification_kty(name) == kty:
            return name
    raise LookupError(f"no algorithm for {kty}")


def _row(table: tuple[Row, ...], name: str) -> Row:
    for row in table:
        if row.name == name:
            return row
    raise LookupError(f"no algorithm {name}")
