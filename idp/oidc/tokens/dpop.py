"""DPoP proofs (RFC 9449): with each request a client shows that it holds the private key to which its tokens are bound."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import flask
from authlib.oauth2 import OAuth2Error
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from idp.core import clock, crypto, lifetimes
from idp.core.settings import Settings, settings
from idp.oidc import algorithms, untrusted_json
from idp.oidc.errors import oauth_error
from idp.oidc.tokens import dpop_nonces
from idp.storage.redis_store import store

PROOF_TYPE = "dpop+jwt"
MAX_LENGTH = 8192  # characters of a proof; with an RSA key of 4096 bits it has two thousand
MAX_JTI_LENGTH = 512
PROOF_LIFE = lifetimes.DPOP_PROOF.seconds
LEEWAY = lifetimes.CLOCK_LEEWAY.seconds
# Longer than any proof counts: one without a nonce from its `iat` on, one with a nonce for as long as that is right.
REPLAY_LIFE = PROOF_LIFE + 2 * LEEWAY + 2 * dpop_nonces.NONCE_LIFE
MIN_RSA_BITS = 2048  # bits (RFC 7518 section 3.3; FAPI 2.0 Security Profile section 5.4)
# Members that only a private or a symmetric key has (RFC 7518 section 6).
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
REFUSED_HEADERS = frozenset({"crit", "b64", "jku", "x5u", "x5c"})
DEFAULT_PORTS = {"https": 443, "http": 80}
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class _ProofRegistry(jws.JWSRegistry):
    """As long a header as a proof may be: it holds the whole public key, which for RSA is longer than joserfc allows."""

    max_header_length = MAX_LENGTH


@dataclass(frozen=True, slots=True)
class DpopProof:
    """A proof that holds for the current request: thumbprint of its key (RFC 7638), its `jti`, whether it has our nonce."""

    thumbprint: str
    jti: str
    has_nonce: bool


def presented(access_token: str = "") -> DpopProof | None:
    """The proof in the header of the current request, None without one; raises `invalid_dpop_proof` or `use_dpop_nonce`.

    All of section 4.3 but what needs the store: see `use`. At a resource the proof is about `access_token`.
    """
    sent = flask.request.headers.get("DPoP")
    if sent is None:
        return None
    header = _header(sent)
    key = _public_key(header)
    claims = _verified_claims(sent, header["alg"], key)
    for check, _clause in CLAIM_CHECKS:
        check(claims)
    _check_access_token_hash(claims, access_token)
    return DpopProof(key.thumbprint(), claims["jti"], "nonce" in claims)


def use(proof: DpopProof) -> None:
    """Uses the proof up: of any number of requests that show it at once, in whatever process, one goes on.

    Section 11.1. Asked last, so that nothing is kept for a stranger whose request leads nowhere.
    """
    if not store().put_if_absent(f"dpop:{proof.thumbprint}:{crypto.digest(proof.jti)}", "1", REPLAY_LIFE):
        raise invalid("The DPoP proof was used before.")


def invalid(description: str) -> OAuth2Error:
    """The error of section 5 and 7.1."""
    return oauth_error("invalid_dpop_proof", description)


def metadata(known: Settings) -> dict[str, Any]:
    """What discovery says about it (section 5.1)."""
    return {"dpop_signing_alg_values_supported": list(algorithms.fapi_names())}


def _header(sent: str) -> dict[str, Any]:
    # Section 4.3 numbers 1 and 2: one header field, which servers join with a comma when it is sent twice; one JWT in it.
    if len(sent) > MAX_LENGTH or not _JWT.fullmatch(sent):
        raise invalid("There must be one DPoP header, and a JWT in it.")
    header = _object(sent.partition(".")[0])
    # Number 4: a JWT that was made for something else is no proof.
    if header.get("typ") != PROOF_TYPE or REFUSED_HEADERS & header.keys():
        raise invalid("The header of the DPoP proof has another typ, or a member that is not accepted.")
    # Number 5: asymmetric, never none, and one that FAPI 2.0 permits.
    if header.get("alg") not in algorithms.fapi_names():
        raise invalid("The DPoP proof is signed with an algorithm that is not accepted.")
    return header


def _public_key(header: dict[str, Any]) -> Key:
    jwk, row = header.get("jwk"), algorithms.signing(header["alg"])
    # Number 7: whoever shows a private key has lost it.
    if not isinstance(jwk, dict) or jwk.get("kty") != row.key.kty or PRIVATE_MEMBERS & jwk.keys():
        raise invalid("The jwk of the DPoP proof is not a public key that fits its alg.")
    try:
        if row.key.kty == "RSA" and len(crypto.unb64(jwk["n"])) * 8 < MIN_RSA_BITS:
            raise ValueError("too short")
        return row.key.read({name: value for name, value in jwk.items() if isinstance(value, str)})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise invalid("The jwk of the DPoP proof cannot be read, or is too short.") from None


def _verified_claims(sent: str, algorithm: str, key: Key) -> dict[str, Any]:
    # Number 6. Members of the header that we do not know are ignored (RFC 7515 section 4).
    registry = _ProofRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(sent, key, registry=registry)
    except (JoseError, ValueError, TypeError):
        raise invalid("The signature of the DPoP proof does not verify.") from None
    return _object(sent.split(".")[1])


def _object(part: str) -> dict[str, Any]:
    try:
        read = untrusted_json.read(crypto.unb64(part))
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise invalid("The DPoP proof is not a JWT.")
    return read


def _check_id(claims: dict[str, Any]) -> None:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI_LENGTH:
        raise invalid("The DPoP proof needs a jti.")


def _check_method(claims: dict[str, Any]) -> None:
    if claims.get("htm") != flask.request.method:
        raise invalid("The htm of the DPoP proof is not the method of this request.")


def _check_address(claims: dict[str, Any]) -> None:
    """Against the public address, whatever name the request came by: proxies change what arrives here."""
    htu, path = claims.get("htu"), flask.request.path
    ours = [_normalized(base + path) for base in (settings().issuer, settings().mtls_url) if base]
    if not isinstance(htu, str) or _normalized(htu) not in ours:
        raise invalid("The htu of the DPoP proof is not the address of this request.")


def _normalized(uri: str) -> tuple[str, str, int | None, str] | None:
    """Without query and fragment; scheme and host in lower case, the default port filled in (RFC 3986 6.2.2 and 6.2.3)."""
    try:
        parts = urlsplit(uri)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if "@" in parts.netloc:
        return None
    return scheme, host, port or DEFAULT_PORTS.get(scheme), unquote(parts.path) or "/"


def _check_times(claims: dict[str, Any]) -> None:
    """A nonce of ours says when the proof was made, more surely than a clock that we do not know (section 11.1).

    One that is not ours any more, and a clock that is wrong, are told with a fresh nonce: phones whose clock is wrong go on.
    """
    now, issued, nonce = clock.timestamp(), claims.get("iat"), claims.get("nonce")
    expires, begins = claims.get("exp", now + 1), claims.get("nbf", now)
    if not all(_is_time(moment) for moment in (issued, expires, begins)):
        raise invalid("The DPoP proof needs an iat in seconds.")
    if not now - LEEWAY < expires or begins > now + LEEWAY:  # RFC 7519 sections 4.1.4 and 4.1.5
        raise invalid("The DPoP proof has expired or is not valid yet.")
    if nonce is None and not now - PROOF_LIFE - LEEWAY <= claims["iat"] <= now + LEEWAY:
        raise dpop_nonces.required()
    if nonce is not None and not dpop_nonces.is_current(nonce):
        raise dpop_nonces.required()


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11


def _check_access_token_hash(claims: dict[str, Any], access_token: str) -> None:
    # Number 12: else a proof made for one token would open another that is bound to the same key.
    ath = claims.get("ath")
    if access_token and not (isinstance(ath, str) and crypto.constant_time_equal(ath, crypto.digest(access_token))):
        raise invalid("The ath of the DPoP proof is not the hash of the access token.")


# What every proof must say, in the order of section 4.3.
CLAIM_CHECKS: tuple[tuple[Callable[[dict[str, Any]], None], str], ...] = (
    (_check_id, "RFC 9449 4.2: jti REQUIRED"),
    (_check_method, "RFC 9449 4.3: htm"),
    (_check_address, "RFC 9449 4.3: htu"),
    (_check_times, "RFC 9449 4.3 and 8: iat, nonce; RFC 7519 4.1.4 and 4.1.5: exp, nbf"),
)
