"""Signed request objects, by value and by registered address (RFC 9101; OpenID Connect Core section 6)."""

from typing import TYPE_CHECKING, Any

import orjson

from idp.core import clock, lifetimes
from idp.core.settings import Settings, settings
from idp.oidc import algorithms
from idp.oidc.clients import keys
from idp.oidc.clients.fetch import FetchRefused, fetch
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

JWT_CLAIMS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})  # of the JWT itself, not of the request
NEVER_FROM_OBJECT = frozenset({"client_id", "request", "request_uri"})
MAX_OBJECT_AGE = lifetimes.REQUEST_OBJECT.seconds
# Explicit types (RFC 8725 section 3.11): what any library writes on a request object, and no other kind of JWT has.
TYPES = frozenset({"", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"})


def resolve_request_object(request: Request) -> None:
    """Puts the parameters of the signed object, if there is one, in place; raises the OAuth errors of RFC 9101.

    What the client signed wins over what travelled beside it (OpenID Connect Core 6.1): nobody in between can change it.
    Of a client that must sign, only what is inside counts (RFC 9101 section 6.3): nobody in between can add to it.
    """
    # The name of a pushed request stays until it is answered; it is not an address.
    by_value, by_address = request.get("request"), "" if request.pushed else request.get("request_uri")
    if not by_value and not by_address:
        # What has a name was looked at when it was pushed. Else fails closed: whoever sits in between could drop the object.
        if request.registered.require_signed_request_object and not request.get("request_uri"):
            raise oauth_error("invalid_request", "This client must sign its requests.")  # RFC 9101 section 10.5
        return
    if by_value and by_address:
        raise oauth_error("invalid_request", "request and request_uri exclude each other.")
    client = request.registered
    token = by_value or _fetched(by_address, client)
    claims = _claims(token, client)
    _check_claims(claims, request, client)
    left_out = JWT_CLAIMS | NEVER_FROM_OBJECT
    signed = {name: _text(name, value) for name, value in claims.items() if name not in left_out}
    beside = {} if client.require_signed_request_object else request.payload.data.copy()
    # A name in `request_uri` is that of a pushed request here, and stays until it is answered.
    gone = ("request",) if request.pushed else ("request", "request_uri")
    kept = {name: value for name, value in (beside | signed).items() if name not in gone}
    request.payload.data.clear()
    request.payload.data.update(kept | {"client_id": client.client_id})
    request.signed = True


def check_signed_when_required(request: Request) -> None:
    """RFC 9101 section 10.5: a client registered with `require_signed_request_object` says nothing unsigned."""
    # Whatever was kept, by us for an interaction or under the name of a pushed request, was checked when it came.
    kept = request.resumed or (request.pushed and bool(request.get("request_uri")))
    if request.registered.require_signed_request_object and not (request.signed or kept):
        raise oauth_error("invalid_request", "This client must sign its authorization requests.")


def metadata(known: Settings) -> dict[str, Any]:
    """What discovery says about request objects (Discovery section 3)."""
    return {
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": list(algorithms.signing_names()),
    }


def _claims(token: str, client: "Client") -> dict[str, Any]:
    chosen = client.request_object_signing_alg
    allowed = tuple(a for a in client.signing_algs if chosen in (None, a))
    try:
        header, claims = keys.verified_claims(token, client, allowed)
    except keys.ClientJwtError as unverified:
        raise oauth_error("invalid_request_object", f"The request object is refused: {unverified.reason}.") from None
    if str(header.get("typ", "")).lower() not in TYPES:
        raise oauth_error("invalid_request_object", "The JWT is of a type that is no request object.")
    return claims


def _fetched(address: str, client: "Client") -> str:
    registered = client.request_uris or ()
    # Never an address that is not registered: it would let anybody make us fetch (protocol: "Never").
    if address.partition("#")[0] not in {uri.partition("#")[0] for uri in registered}:
        raise oauth_error("invalid_request_uri", "request_uri is not registered for this client.")
    try:
        return fetch(address.partition("#")[0], of_operator=client.of_operator).body.decode("ascii").strip()
    except (FetchRefused, UnicodeDecodeError):
        raise oauth_error("invalid_request_uri", "The request object could not be fetched.") from None


def _check_claims(claims: dict[str, Any], request: Request, client: "Client") -> None:
    """RFC 9101 section 5.2 and 6.3, OpenID Connect Core 6.1: issued by this client, for us, now, and about this request."""
    now = clock.timestamp()
    if claims.get("sub") == client.client_id:
        # RFC 9101 section 10.8: an assertion by which the client proves itself is never taken for a request of its.
        raise oauth_error("invalid_request_object", "The JWT is about the client: it is an assertion, no request object.")
    if client.require_signed_request_object and not {"iss", "aud", "exp"} <= claims.keys():
        raise oauth_error("invalid_request_object", "The request object needs iss, aud and exp.")
    audience = claims.get("aud", settings().issuer)
    if claims.get("iss", client.client_id) != client.client_id or claims.get("client_id", client.client_id) != client.client_id:
        raise oauth_error("invalid_request_object", "The request object is another client's.")
    if settings().issuer not in (audience if isinstance(audience, list) else [audience]):
        raise oauth_error("invalid_request_object", "The request object is meant for another server.")
    times = [claims.get(name, now) for name in ("exp", "nbf", "iat")]
    if not all(isinstance(t, int | float) and not isinstance(t, bool) for t in times):
        raise oauth_error("invalid_request_object", "A time in the request object is not a number.")
    # FAPI 2.0 Message Signing section 5.3.1: both are a must, and no more than an hour apart.
    if client.answered_in_jwts and ("nbf" not in claims or times[0] - times[1] > MAX_OBJECT_AGE):
        raise oauth_error("invalid_request_object", "The request object needs nbf and exp, at most an hour apart.")
    if ("exp" in claims and times[0] <= now) or times[1] > now + 30 or now - min(times[1], times[2]) > MAX_OBJECT_AGE:
        raise oauth_error("invalid_request_object", "The request object has expired or is not valid yet.")
    _check_consistency(claims, request)


def _check_consistency(claims: dict[str, Any], request: Request) -> None:
    if "request" in claims or "request_uri" in claims:
        raise oauth_error("invalid_request_object", "A request object cannot contain another.")
    outside = request.get("response_type")
    if outside and claims.get("response_type", outside) != outside:
        raise oauth_error("invalid_request_object", "response_type differs inside and outside of the request object.")


def _text(name: str, value: Any) -> str:
    """A parameter as it would have been sent: `claims` is an object, `authorization_details` a list, max_age may be a number.

    Nothing else has structure.
    """
    if (name == "claims" and isinstance(value, dict)) or (name == "authorization_details" and isinstance(value, list)):
        return orjson.dumps(value).decode()
    if name == "max_age" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and name in ("resource", "audience") and all(isinstance(v, str) for v in value):
        return " ".join(value)
    if not isinstance(value, str) or "\0" in value or len(value) > 4096:
        raise oauth_error("invalid_request_object", "A parameter in the request object is not a string.")
    return value
