"""Token exchange: a service that was handed a person's access token gets one of its own for the service behind it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.accounts import generations
from idp.audit import trail
from idp.oidc.authorization import resources
from idp.oidc.clients.directory import clients
from idp.oidc.clients.rules import TOKEN_EXCHANGE_GRANT
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request, words
from idp.oidc.tokens import access_tokens, issuance
from idp.oidc.tokens.access_tokens import AccessToken

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client
    from idp.oidc.clients.entry import TokenExchange

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
LONGEST_CHAIN = 4  # services that may act one for the other; a longer chain is a loop


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """RFC 8693 by the policy in the client's entry: whose tokens, for whom, with which scope at most; never a refresh token."""

    GRANT_TYPE = TOKEN_EXCHANGE_GRANT
    request: Request

    def validate_token_request(self) -> None:
        """Authenticates the client, then holds the request against its policy; raises OAuth2Error."""
        self.authenticate_token_endpoint_client()
        policy = _policy(self.request)
        _check_token_types(self.request)
        self.subject = _subject_token(self.request, policy)
        self.request.audience = _audience(self.request, policy)
        self.scope = _scope(self.request, policy, self.subject)

    def create_token_response(self) -> Any:
        """The answer of section 2.2.1."""
        client = self.request.registered
        made = issuance.generate(TOKEN_EXCHANGE_GRANT, client, include_refresh_token=False)
        record = self._record(issuance.access_token_record(made, client, audience=self.request.audience))
        made |= {"access_token": access_tokens.new_access_token(record.subject), "issued_token_type": ACCESS_TOKEN}
        made |= {"scope": record.scope} if record.scope else {}
        made["expires_in"] = record.expires_at - record.issued_at
        if not issuance.issue_access_token(made, record, self.request):
            raise _invalid_subject_token()
        trail.record("tokens_issued", account=record.subject, client=client.client_id, exchanged=self.subject.client_id)
        return 200, made, self.TOKEN_RESPONSE_HEADER

    def _record(self, bare: AccessToken) -> AccessToken:
        """It lives no longer than the token it came from, ends with it and whatever ends it, and names who acts (4.1)."""
        presented = self.subject
        earlier = {"act": presented.actor} if presented.actor else {}
        return replace(
            presented,
            client_id=bare.client_id,
            audience=bare.audience,
            scope=self.scope,
            issued_at=bare.issued_at,
            expires_at=min(bare.expires_at, presented.expires_at),
            actor={"sub": bare.client_id, **earlier},
            claims={},
            authorization_details=(),
            came_from=(*presented.came_from, (presented.client_id, presented.service)),
            service=generations.of_service(presented.subject, bare.client_id),
            ends_with=(*presented.ends_with, access_tokens.lineage_id(self.request.get("subject_token"))),
        )


def _policy(request: Request) -> "TokenExchange":
    client = request.registered
    if not client.check_grant_type(TOKEN_EXCHANGE_GRANT) or client.token_exchange is None or request.auth_method == "none":
        raise oauth_error("unauthorized_client", "The client may not exchange tokens.")
    return client.token_exchange


def _check_token_types(request: Request) -> None:
    """Access tokens in, access tokens out; the actor is the client itself, which has just proved who it is."""
    if request.get("subject_token_type") != ACCESS_TOKEN:
        raise oauth_error("invalid_request", "subject_token_type must be that of an access token.")
    if request.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise oauth_error("invalid_request", "requested_token_type must be that of an access token.")
    if request.get("actor_token") or request.get("actor_token_type"):
        raise oauth_error("invalid_request", "actor_token is not supported: the client acts.")


def _subject_token(request: Request, policy: "TokenExchange") -> AccessToken:
    """A live token of a person that this client may present; every other one is told alike (section 2.2.2)."""
    found = access_tokens.find_access_token(request.get("subject_token"))
    if found is None:
        raise _invalid_subject_token()
    presented = found[0]
    # Bound to a key (RFC 9449), it is of no use to whoever only holds it: this client cannot show the key. Fails closed.
    usable = presented.subject and not presented.confirmation and _made_out_to(request.registered, presented)
    known = all(clients().find(client_id) is not None for client_id in presented.clients)  # else its client was removed
    if not usable or not known or presented.client_id not in policy.subject_clients or _length(presented.actor) >= LONGEST_CHAIN:
        raise _invalid_subject_token()
    return presented


def _made_out_to(client: "Client", presented: AccessToken) -> bool:
    """Whether the client is who the token is for (section 2.1): what was meant for another would be exchanged by a thief."""
    own = {client.client_id, *(client.resources if client.resource_server else ())}
    return bool(own & set(presented.audience))


def _audience(request: Request, policy: "TokenExchange") -> tuple[str, ...]:
    """Resources and names of clients, each allowed by the policy; at least one, or the token would be for nobody."""
    asked = dict.fromkeys((*resources.requested(request), *words(request.get("audience"))))
    if not asked or not set(asked) <= set(policy.audiences):
        raise resources.invalid_target()
    return tuple(asked)


def _scope(request: Request, policy: "TokenExchange", presented: AccessToken) -> str:
    """What is asked for, within what the presented token may do and the policy gives; all of both when nothing is asked."""
    most = [s for s in presented.scope.split() if s in policy.scope.split()]
    asked = words(request.get("scope"))
    if not set(asked) <= set(most):
        raise oauth_error("invalid_scope", "The scope goes beyond the subject token or the policy.")
    return " ".join(dict.fromkeys(asked or most))


def _length(actor: dict[str, Any]) -> int:
    return 1 + _length(actor.get("act", {})) if actor else 0


def _invalid_subject_token() -> OAuth2Error:
    return oauth_error("invalid_request", "The subject token cannot be exchanged by this client.")
