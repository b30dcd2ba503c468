"""Secrets we hand out: how they are drawn, digested, compared and keyed; nobody else touches `secrets` or `hmac`."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode


def unb64(text: str) -> bytes:
    """The reverse of `b64`; raises ValueError."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def b64(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def random_token(nbytes: int = 32) -> str:
    """A fresh URL-safe secret of `nbytes` bytes of randomness."""
    return secrets.token_urlsafe(nbytes)


def random_bytes(nbytes: int) -> bytes:
    return secrets.token_bytes(nbytes)


def numeric_code(digits: int = 6) -> str:
    """A one-time code of `digits` decimal digits, every value equally likely."""
    return str(secrets.randbelow(10**digits)).zfill(digits)


def random_code(alphabet: str, count: int) -> str:
    """A code of `count` characters for people to type, each of the alphabet equally likely."""
    return "".join(secrets.choice(alphabet) for _ in range(count))


def digest(token: str) -> str:
    """What we store of a token that grants entry: SHA-256, base64url. Tokens are random, so no salt is needed."""
    return b64(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())


def thumbprint(raw: bytes) -> str:
    """SHA-256 of these bytes, base64url: how certificates are named (RFC 8705 section 3.1)."""
    return b64(hashlib.sha256(raw).digest())


def constant_time_equal(a: str, b: str) -> bool:
    """Whether two strings are equal, in constant time; compares bytes, since `str` raises for non-ASCII."""
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))


def mac(key: bytes, *parts: str) -> str:
    """HMAC-SHA256 of the parts, each framed by its length so that no two lists of parts collide."""
    raw = [part.encode("utf-8", "surrogatepass") for part in parts]
    framed = b"".join(len(each).to_bytes(4, "big") + each for each in raw)
    # In one call: an object that is fed part by part costs five times as much, and tokens are found by this all day.
    return b64(hmac.digest(key, framed, "sha256"))


def hash_tag(subject: str) -> str:
    """The two-character hash tag under which everything of one account lives in the store, so that one script reaches it."""
    return hashlib.sha256(subject.encode()).hexdigest()[:2]


def sha1_hex(text: str) -> str:
    """The name under which Redis knows a script (EVALSHA); not a security measure."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def sha256(text: str) -> bytes:
    """The raw SHA-256 of a string, where a specification derives a key from a secret."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def sha512(text: str) -> bytes:
    """The raw SHA-512 of a string: for keys of more than 256 bits (OpenID Connect Core 10.2)."""
    return hashlib.sha512(text.encode("utf-8", "surrogatepass")).digest()
