"""Clients that prove themselves with a JWT: client_secret_jwt and private_key_jwt (RFC 7523, OpenID Connect Core 9)."""

from typing import TYPE_CHECKING, Any

from idp.core import clock, crypto, lifetimes
from idp.core.settings import settings
from idp.oidc import algorithms
from idp.oidc.clients import keys
from idp.oidc.clients.directory import clients
from idp.oidc.request import Request
from idp.storage.redis_store import store

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client, Proof

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION_LIFE = lifetimes.CLIENT_ASSERTION.seconds
LEEWAY = lifetimes.CLOCK_LEEWAY.seconds


def attempted(request: Request) -> bool:
    """Whether the request carries an assertion."""
    return bool(request.get("client_assertion") or request.get("client_assertion_type"))


def prove(request: Request) -> "Proof":
    """The client and the method that it registered; None when anything about the assertion is wrong."""
    client = claimed(request)
    if client is None or request.get("client_assertion_type") != ASSERTION_TYPE:
        return None
    method = client.token_endpoint_auth_method
    if method not in ("client_secret_jwt", "private_key_jwt"):
        return None
    accepted = algorithms.hmac_names() if method == "client_secret_jwt" else client.signing_algs
    chosen = client.token_endpoint_auth_signing_alg
    allowed = tuple(a for a in accepted if chosen in (None, a))
    try:
        _, claims = keys.verified_claims(request.get("client_assertion"), client, allowed)
    except keys.ClientJwtError:
        return None
    return (client, method) if _claims_are_valid(claims, client) and _first_use(claims, client) else None


def claimed(request: Request) -> "Client | None":
    """The client that the assertion says it is, unproved; None when there is none."""
    subject = _unverified_subject(request.get("client_assertion"))
    if subject is None or request.get("client_id", subject) != subject:
        return None
    return clients().find(subject)


def _unverified_subject(assertion: str) -> str | None:
    try:
        subject = keys.unverified_claims(assertion).get("sub")
    except keys.ClientJwtError:
        return None
    return subject if isinstance(subject, str) else None


def _claims_are_valid(claims: dict[str, Any], client: "Client") -> bool:
    """RFC 7523 section 3, numbers 1 to 5."""
    now = clock.timestamp()
    issued_by_itself = claims.get("iss") == claims.get("sub") == client.client_id
    expires, begins, issued = claims.get("exp", ""), claims.get("nbf", now), claims.get("iat", now)
    if not issued_by_itself or not all(_is_time(t) for t in (expires, begins, issued)):
        return False
    in_time = now - LEEWAY < expires <= now + MAX_ASSERTION_LIFE + LEEWAY and begins <= now + LEEWAY and issued <= now + LEEWAY
    return bool(in_time) and _is_for_us(claims.get("aud"), client)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11


def _is_for_us(audience: Any, client: "Client") -> bool:
    """By the client's policy: `issuer` wants our issuer as a single string, so that no other server can replay it to us."""
    issuer = settings().issuer
    if client.assertion_audience == "issuer":
        return bool(audience == issuer)
    ours = {issuer, *(f"{issuer}/{path}" for path in ("token", "par", "introspect", "revoke", "device_authorization"))}
    given = audience if isinstance(audience, list) else [audience]
    return any(isinstance(one, str) and one in ours for one in given)


def _first_use(claims: dict[str, Any], client: "Client") -> bool:
    """RFC 7523 section 3, number 7: a jti once, remembered for as long as the assertion could be used again."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 512:
        return False
    life = max(1, int(claims["exp"]) - clock.timestamp() + LEEWAY + 1)
    return store().put_if_absent(f"jti:{crypto.digest(client.client_id)}:{crypto.digest(jti)}", "1", life)
