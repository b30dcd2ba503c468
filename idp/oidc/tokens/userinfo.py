"""The userinfo endpoint: what the approved scopes and claims give, from one read of the store."""

from typing import Any

import flask
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import MissingAuthorizationError, UnsupportedTokenTypeError
from authlib.oauth2.rfc6749.resource_protector import ResourceProtector
from authlib.oauth2.rfc6750 import BearerTokenValidator, InvalidTokenError
from flask import Response

from idp import accounts
from idp.accounts.claims_cache import CLAIMS_FIELD
from idp.core.settings import settings
from idp.oidc import algorithms, cors, errors, request
from idp.oidc.clients.directory import clients
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.oidc.tokens import access_tokens, claims, dpop, encryption, sender_constraints
from idp.oidc.tokens.access_tokens import AccessToken
from idp.storage.redis_store import StoreUnavailable


class AccessTokenValidator(BearerTokenValidator):
    """RFC 6750, over one script that finds token, marks and the account's snapshot together."""

    def authenticate_token(self, token_string: str) -> AccessToken | None:
        """The live token's record; the sealed snapshot of the account is left for the view."""
        found = access_tokens.find_access_token(token_string, CLAIMS_FIELD)
        if found is None:
            return None
        record, extras = found
        flask.g.snapshot = extras[0]
        # One made out to a resource is not for us (RFC 8707 section 2). Fails closed.
        return None if record.audience and settings().issuer not in record.audience else record

    def validate_token(self, token: AccessToken | None, scopes: list[str], asked: Request) -> None:
        """As RFC 6750 asks; and a token bound to a key is no bearer token: stolen and shown bare it opens nothing."""
        # RFC 9449 section 7.1; RFC 8705 section 3: bound to a certificate, it comes with that. Fails closed.
        if token is not None and token.confirmation and not sender_constraints.holds(token.confirmation, None):
            raise InvalidTokenError()
        super().validate_token(token, scopes, asked)


class DpopTokenValidator(AccessTokenValidator):
    """RFC 9449 section 7: the scheme DPoP, a token bound to a key, and a proof made with that key for this very token."""

    TOKEN_TYPE = "dpop"

    def validate_request(self, asked: Request) -> None:
        """Reads the proof: what is wrong with it is told before the store is asked for anything."""
        asked.proof = dpop.presented(flask.request.headers["Authorization"].split(None, 1)[1])
        if asked.proof is None:
            raise dpop.invalid("The DPoP proof is missing.")

    def validate_token(self, token: AccessToken | None, scopes: list[str], asked: Request) -> None:
        """The token is bound to the key of the proof, and the proof counts once."""
        BearerTokenValidator.validate_token(self, token, scopes, asked)
        if token is None or asked.proof is None or not sender_constraints.holds(token.confirmation, asked.proof):
            raise InvalidTokenError()
        sender_constraints.check_nonce(asked.proof, clients().find(token.client_id))
        sender_constraints.use_proof(asked)


protector: Any = ResourceProtector()
protector.register_token_validator(AccessTokenValidator())
protector.register_token_validator(DpopTokenValidator())
# Errors of proofs, and the status that a resource tells them with (RFC 9449 section 7.1 and 9).
PROOF_ERRORS = {"invalid_dpop_proof": 401, "use_dpop_nonce": 401}


def userinfo() -> Response:
    """OpenID Connect Core section 5.3: the token in the header, or in the body of a POST; never in the query string."""
    asked: Request | None = None
    try:
        asked = _presented()
        record = protector.validate_request(["openid"], asked)
        return _answer(record)
    except OAuth2Error as error:
        return _refuse(error)
    except StoreUnavailable:
        return server().handle_error_response(asked, errors.oauth_error("temporarily_unavailable"))


def _presented() -> Request:
    asked = Request({}, flask.request.method, flask.request.headers)
    if flask.request.method == "GET" or flask.request.mimetype != request.FORM:
        return asked
    in_body = request.from_form().get("access_token")
    if not in_body:
        return asked
    if "Authorization" in flask.request.headers:
        raise errors.oauth_error("invalid_request", "The access token was sent in more than one way.")
    return Request({}, "POST", {"Authorization": f"Bearer {in_body}"})


def _answer(record: AccessToken) -> Response:
    client = clients().find(record.client_id)
    if client is None or not record.subject:
        raise InvalidTokenError()
    cors.set_caller(client)
    names = claims.requested_names(record.scope, {"userinfo": record.claims}, "userinfo")
    snapshot = accounts.cached_claims(record.subject, flask.g.snapshot) if names else {}
    told = {"sub": claims.subject_for(client, record.subject)} | claims.select_values(client, names, snapshot)
    body, kind = encryption.encode_userinfo(told, client)
    return server().handle_response(200, body, [("Content-Type", kind), ("Cache-Control", "no-store")])


def _refuse(error: OAuth2Error) -> Response:
    """RFC 6750 section 3: the challenge names the error, unless no token was presented at all."""
    body = errors.error_body(error)
    status = (errors.HTTP_STATUSES | PROOF_ERRORS).get(body["error"], error.status_code)
    bare = isinstance(error, MissingAuthorizationError | UnsupportedTokenTypeError)
    headers = [
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
        *(("WWW-Authenticate", challenge) for challenge in _challenges({} if bare else body)),
    ]
    return server().handle_response(401 if bare else status, {} if bare else body, headers)


def _challenges(body: dict[str, str]) -> list[str]:
    """Both schemes, the error with the one that was used (RFC 9449 section 7.1: and the algorithms of proofs)."""
    told = [f'{name}="{value}"' for name, value in body.items()]
    spoken = flask.request.headers.get("Authorization", "")[:5].lower() == "dpop "
    algs = f'algs="{" ".join(algorithms.fapi_names())}"'
    bearer, proved = "", [algs]
    if spoken:
        proved = [*told, algs]
    elif told:
        bearer = " " + ", ".join(told)
    challenges = [f"Bearer{bearer}", f"DPoP {', '.join(proved)}"]
    return challenges[::-1] if spoken else challenges
