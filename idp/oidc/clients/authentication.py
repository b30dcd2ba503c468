"""How clients prove themselves: one table of methods, exactly one of which a request may use (RFC 6749 section 2.3)."""

import binascii
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import structlog
from authlib.oauth2 import OAuth2Error

from idp.oidc import cors
from idp.oidc.clients import assertions, mutual_tls
from idp.oidc.clients.client import Proof
from idp.oidc.clients.directory import clients
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Method:
    """One thing that a request can carry: the registered methods it serves, how to see that it is there, whom it names,
    how to check it."""

    serves: tuple[str, ...]
    attempted: Callable[[Request], bool]
    claimed: Callable[[Request], "Client | None"]
    prove: Callable[[Request], Proof]
    clause: str


def authenticate(request: Request, endpoint: str) -> "Client":
    """The client that sent this; raises `invalid_client`, or `invalid_request` for two methods at once.

    An unknown client, a wrong secret and a method that is not the registered one are told alike; the log says which.
    """
    attempts = [method for method in METHODS.values() if method.attempted(request)]
    if len(attempts) > 1:
        raise oauth_error("invalid_request", "More than one client authentication method was used.")
    proof = attempts[0].prove(request) if attempts else None
    if proof is None or not proof[0].check_endpoint_auth_method(proof[1], endpoint):
        _log_refusal(request, endpoint, attempts[0] if attempts else None, proof)
        raise invalid_client(request)
    request.client, request.auth_method = proof
    cors.set_caller(proof[0])
    return proof[0]


def invalid_client(request: Request) -> OAuth2Error:
    """The one answer to every failure."""
    return oauth_error("invalid_client", "Client authentication failed.")


def _log_refusal(request: Request, endpoint: str, used: Method | None, proof: Proof) -> None:
    """What the answer does not tell a stranger, for whoever helps a service: nothing of what was sent, known names only."""
    client = used.claimed(request) if used else None
    if client is None or used is None:
        log.info("client_refused", endpoint=endpoint, why="unknown_client" if used else "nothing_sent")
        return
    why = "other_method" if proof or not set(used.serves) & set(client.auth_methods) else "not_proved"
    registered = client.token_endpoint_auth_method
    log.warning("client_refused", endpoint=endpoint, why=why, client=client.client_id, used=used.serves[0], registered=registered)


def authenticate_header(request: Request | None) -> list[tuple[str, str]]:
    """The header that must accompany `invalid_client` when the client tried the Authorization header (RFC 6749 5.2)."""
    return [("WWW-Authenticate", 'Basic realm="token"')] if request is None or _authorization(request) else []


def supported_methods(*, mutual_tls: bool = False) -> list[str]:
    """Every registered name that a client may choose, as discovery lists them; by certificate only where any can come."""
    return [name for key, method in METHODS.items() if mutual_tls or key != "certificate" for name in method.serves]


def _authorization(request: Request) -> str:
    return str(request.headers.get("Authorization", "")) if request.headers is not None else ""


def _basic_attempted(request: Request) -> bool:
    return _authorization(request)[:6].lower() == "basic "


def _basic_pair(request: Request) -> tuple[str, str]:
    """Name and secret as they were sent; nothing for what is no such header (RFC 7617 section 2)."""
    try:
        plain = b64decode(_authorization(request)[6:].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    name, separator, secret = plain.partition(":")
    return (name, secret) if separator else ("", "")


def _claimed_by_basic(request: Request) -> "Client | None":
    name, _ = _basic_pair(request)
    return clients().find(unquote_plus(name)) or clients().find(name)


def _claimed_in_form(request: Request) -> "Client | None":
    return clients().find(request.get("client_id"))


def _prove_basic(request: Request) -> Proof:
    client, (_, secret) = _claimed_by_basic(request), _basic_pair(request)
    if client is None or request.get("client_id", client.client_id) != client.client_id:
        return None
    # RFC 6749 2.3.1 wants both form-encoded first; half of all libraries do not, and mean the bytes as they stand.
    proved = client.check_client_secret(unquote_plus(secret)) or client.check_client_secret(secret)
    return (client, "client_secret_basic") if proved else None


def _post_attempted(request: Request) -> bool:
    return bool(request.get("client_secret"))


def _prove_post(request: Request) -> Proof:
    client = _claimed_in_form(request)
    if client is None or not client.check_client_secret(request.get("client_secret")):
        return None
    return client, "client_secret_post"


def _none_attempted(request: Request) -> bool:
    tried = any(method.attempted(request) for name, method in METHODS.items() if name != "none")
    return bool(request.get("client_id")) and not tried


def _prove_none(request: Request) -> Proof:
    client = _claimed_in_form(request)
    return (client, "none") if client is not None else None


# One row per thing that a request can carry: an assertion serves two methods.
METHODS: dict[str, Method] = {
    "client_secret_basic": Method(("client_secret_basic",), _basic_attempted, _claimed_by_basic, _prove_basic, "RFC 6749 2.3.1"),
    "client_secret_post": Method(("client_secret_post",), _post_attempted, _claimed_in_form, _prove_post, "RFC 6749 2.3.1"),
    "assertion": Method(
        ("client_secret_jwt", "private_key_jwt"),
        assertions.attempted,
        assertions.claimed,
        assertions.prove,
        "RFC 7523 2.2; OpenID Connect Core 9",
    ),
    "certificate": Method(mutual_tls.METHODS, mutual_tls.attempted, mutual_tls.claimed, mutual_tls.prove, "RFC 8705 2.1 and 2.2"),
    "none": Method(("none",), _none_attempted, _claimed_in_form, _prove_none, "RFC 7591 2: token_endpoint_auth_method none"),
}
