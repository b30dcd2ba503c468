"""Tokens that only their sender can use (RFC 9700 section 2.2): bound to what the client shows when it gets them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError

from idp.oidc.clients import certificates
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import dpop, dpop_nonces
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.dpop import DpopProof

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

# Members of `cnf`: a key (RFC 9449 section 6.1), a certificate (RFC 8705 section 3.1).
KEY, CERTIFICATE = "jkt", "x5t#S256"


def parse_confirmation(request: Request) -> None:
    """At the token endpoint, once the client is known: reads what it shows, which every grant's tokens are bound to."""
    request.proof = dpop.presented()
    if request.proof is not None:
        check_nonce(request.proof, request.registered)
        request.confirmation = {KEY: request.proof.thumbprint}
    if request.registered.tls_client_certificate_bound_access_tokens:
        certificate = certificates.presented()
        if certificate is not None:
            request.confirmation |= {CERTIFICATE: certificate.thumbprint}
    missing = _missing(request)
    if missing is not None:
        raise missing


def check_nonce(proof: DpopProof, client: "Client | None") -> None:
    """RFC 9449 section 11.2: without nonces, whoever got hold of the key for a moment could make proofs for later."""
    if client is not None and client.dpop_nonce_required and not proof.has_nonce:
        raise dpop_nonces.required()


def use_proof(request: Request) -> None:
    """Uses up the proof that came with this request, if one did; raises `invalid_dpop_proof` when it was used before."""
    if request.proof is not None:
        dpop.use(request.proof)


def bind(record: AccessToken, request: Request) -> AccessToken:
    """The record of a token about to be issued, bound to what this request showed; raises OAuth2Error."""
    # Fails closed: a grant that forgot to look issues nothing to a client whose tokens must be bound.
    missing = _missing(request)
    if missing is not None:
        raise missing
    return replace(record, confirmation=request.confirmation) if request.confirmation else record


def holds(confirmation: dict[str, str], proof: DpopProof | None) -> bool:
    """Whether the current request shows all that a token is bound to; what is bound to nothing is held by nobody."""
    shown = {KEY: proof.thumbprint} if proof else {}
    if CERTIFICATE in confirmation:
        certificate = certificates.presented()
        shown |= {CERTIFICATE: certificate.thumbprint} if certificate else {}
    return bool(confirmation) and shown == confirmation


def token_type(confirmation: dict[str, str]) -> str:
    """`DPoP` for a token bound to a key (RFC 9449 section 5), else `Bearer`, with a certificate too (RFC 8705 section 3)."""
    return "DPoP" if KEY in confirmation else "Bearer"


def bound_approval(approval: Approval, request: Request) -> Approval:
    """The same for a new family of refresh tokens: a public client's is bound too (RFC 9449 section 5, RFC 8705 section 4)."""
    public = request.auth_method == "none"
    return replace(approval, bound_to=request.confirmation) if public and request.confirmation else approval


def check_key_of_refresh_token(approval: Approval, request: Request) -> None:
    """Whoever refreshes what is bound shows the same key; else the refresh token of a public client would be a password."""
    if approval.bound_to and approval.bound_to != request.confirmation:
        raise InvalidGrantError("The refresh token is bound to another key.")


def _missing(request: Request) -> OAuth2Error | None:
    """The error for a client that must show what it has not shown: RFC 9449 section 5.2, RFC 8705 section 3."""
    client = request.registered
    if client.dpop_bound_access_tokens and KEY not in request.confirmation:
        return dpop.invalid("This client must show a DPoP proof.")
    if client.tls_client_certificate_bound_access_tokens and CERTIFICATE not in request.confirmation:
        return oauth_error("invalid_request", "This client must show a certificate.")
    return None
