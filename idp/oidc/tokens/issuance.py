"""What the token endpoint hands out: opaque access tokens, refresh tokens and ID tokens."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oidc.core.grants import OpenIDToken
from authlib.oidc.core.util import create_half_hash

from idp import accounts
from idp.core import clock, lifetimes
from idp.core.settings import settings
from idp.oidc import scopes
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import access_tokens, claims, encryption, jwt_access_tokens, refresh_tokens, sender_constraints, signing_keys
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.approvals import Approval

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

ID_TOKEN_LIFE = lifetimes.ID_TOKEN.seconds


def generate(
    grant_type: str,
    client: "Client",
    user: Approval | None = None,
    scope: str | None = None,
    expires_in: int | None = None,
    include_refresh_token: bool = True,
) -> dict[str, Any]:
    """The members of a token response, nothing stored yet (the default generator of Authlib's server).

    Without `user` a client acts for itself, and no scope that speaks of a person makes sense. Raises
    OAuth2Error.
    """
    allowed = _scope_of(client, scope, user)
    made: dict[str, Any] = {
        "access_token": access_tokens.new_access_token(user.subject if user else client.client_id),
        "token_type": "Bearer",
        "expires_in": expires_in or client.access_token_lifetime or access_tokens.ACCESS_TOKEN_LIFE,
    }
    if include_refresh_token and user is not None:
        made["refresh_token"] = refresh_tokens.new_refresh_token()
    return made | {"scope": allowed} if allowed else made


def _scope_of(client: "Client", scope: str | None, user: Approval | None) -> str:
    allowed = (client.get_allowed_scope(scope) if scope else "") or ""
    if user is None:
        allowed = " ".join(s for s in allowed.split() if s not in scopes.names())
    if scope and not allowed:
        raise oauth_error("invalid_scope", "No scope that this client may ask for.")
    return allowed


def access_token_record(
    made: dict[str, Any], client: "Client", approval: Approval | None = None, audience: tuple[str, ...] = ()
) -> AccessToken:
    """The record of an access token just made, for `audience`; without one, a JWT is for our own userinfo endpoint."""
    now = clock.timestamp()
    common = {
        "client_id": client.client_id,
        "audience": audience or ((settings().issuer,) if client.access_token_format == "jwt" else ()),
        "scope": made.get("scope", ""),
        "issued_at": now,
        "expires_at": now + made["expires_in"],
    }
    if approval is None:
        return AccessToken(**common)
    return AccessToken(
        **common,
        subject=approval.subject,
        sid=approval.sid,
        ends_with=tuple(approval.ends_with),
        claims=approval.claims.get("userinfo") or {},
        acr=approval.acr,
        auth_time=approval.auth_time,
        amr=approval.amr,
        generation=approval.generation,
        service=approval.service,
    )


def issue_access_token(made: dict[str, Any], record: AccessToken, request: Request) -> bool:
    """Stores an access token just made; one with an audience leaves us as a JWT. False when it is dead on arrival.

    It is bound to what the client has shown with this request; raises OAuth2Error where it must be and is not.
    """
    name, bound = made["access_token"], sender_constraints.bind(record, request)
    if not access_tokens.save_access_token(name, bound):
        return False
    if bound.audience:
        made["access_token"] = jwt_access_tokens.to_jwt(name, bound, request.registered)
    if bound.authorization_details:  # RFC 9396 section 7
        made["authorization_details"] = list(bound.authorization_details)
    made["token_type"] = sender_constraints.token_type(bound.confirmation)
    return True


def id_token(approval: Approval, client: "Client", *, access_token: str = "", code: str = "", nonce: str = "") -> str:
    """A signed ID token (OpenID Connect Core sections 2 and 3.3.2.11): about the sign-in, and no claim not asked for here."""
    now = clock.timestamp()
    algorithm = client.id_token_signed_response_alg
    stated: dict[str, Any] = {
        "iss": settings().issuer,
        "sub": claims.subject_for(client, approval.subject),
        "aud": client.client_id,
        "iat": now,
        "exp": now + ID_TOKEN_LIFE,
        "auth_time": approval.auth_time,
        "acr": approval.acr,
        "amr": list(approval.amr),
    }
    if client.hears_of_logout:  # nobody else could ever meet it again (Back-Channel Logout 1.0 section 2.1)
        stated["sid"] = claims.sid_for(client, approval.sid)
    if approval.recovered_at:
        stated["recovered_at"] = approval.recovered_at
    bound = {
        "nonce": nonce,
        "at_hash": half_hash(access_token, algorithm),
        "c_hash": half_hash(code, algorithm),
    }
    signed = signing_keys.sign(_requested_claims(approval, client) | stated | {k: v for k, v in bound.items() if v}, algorithm)
    return encryption.encrypt_id_token(signed, client)


def with_scope_claims(approval: Approval) -> Approval:
    """The same, asking for the claims of its scopes in the ID token (OpenID Connect Core 5.4: there is no access token)."""
    by_scope = dict.fromkeys(claims.requested_names(approval.scope, {}, "userinfo"))
    asked = by_scope | (approval.claims.get("id_token") or {})
    return replace(approval, claims=approval.claims | {"id_token": asked})


def half_hash(token: str, algorithm: str) -> str:
    """`at_hash` or `c_hash` (OpenID Connect Core 3.1.3.6); empty for an empty token."""
    half = create_half_hash(token, algorithm) if token else None
    return half.decode() if half else ""


def _requested_claims(approval: Approval, client: "Client") -> dict[str, Any]:
    names = claims.requested_names("", approval.claims, "id_token") & claims.permitted(client)
    return claims.select_values(client, names, accounts.cached_claims(approval.subject)) if names else {}


class IdTokenExtension(OpenIDToken):
    """Adds the ID token to a token response whose scope has `openid`; for the code and refresh grants."""

    def encode_id_token(self, token: dict[str, Any], request: OAuth2Request) -> str:
        """From the approval: a refreshed ID token keeps `auth_time` and leaves out the nonce (Core section 12.2)."""
        assert isinstance(request, Request)
        approval = cast(Approval, request.user)
        nonce = approval.nonce if request.authorization_code else ""
        return id_token(approval, request.registered, access_token=token["access_token"], nonce=nonce)
