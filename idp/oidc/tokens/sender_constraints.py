"""Tokens that only their sender can use (RFC 9700 section 2.2): bound to what the client shows when it gets them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from authlib.oauth2.rfc6749 import InvalidGrantError

from idp.oidc.request import Request
from idp.oidc.tokens import dpop, dpop_nonces
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.dpop import DpopProof

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


def parse_confirmation(request: Request) -> None:
    """At the token endpoint, once the client is known: reads the proof, which every grant's tokens are bound to."""
    request.proof = dpop.presented()
    client = request.registered
    if request.proof is None:
        # RFC 9449 section 5.2: a client registered with dpop_bound_access_tokens gets nothing without a proof.
        if client.dpop_bound_access_tokens:
            raise dpop.invalid("This client must show a DPoP proof.")
        return
    check_nonce(request.proof, client)
    request.confirmation = {"jkt": request.proof.thumbprint}


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
    if request.registered.dpop_bound_access_tokens and "jkt" not in request.confirmation:
        raise dpop.invalid("This client must show a DPoP proof.")
    return replace(record, confirmation=request.confirmation) if request.confirmation else record


def token_type(confirmation: dict[str, str]) -> str:
    """`DPoP` for a token bound to a key (RFC 9449 section 5), else `Bearer`."""
    return "DPoP" if "jkt" in confirmation else "Bearer"


def bound_approval(approval: Approval, request: Request) -> Approval:
    """The same for a new family of refresh tokens: a public client's is bound too (RFC 9449 section 5)."""
    public = request.auth_method == "none"
    return replace(approval, bound_to=request.confirmation) if public and request.confirmation else approval


def check_key_of_refresh_token(approval: Approval, request: Request) -> None:
    """Whoever refreshes what is bound shows the same key; else the refresh token of a public client would be a password."""
    if approval.bound_to and approval.bound_to != request.confirmation:
        raise InvalidGrantError("The refresh token is bound to another key.")
