"""Which claims a client gets about a person, and under which name it knows them."""

from typing import TYPE_CHECKING, Any, cast

from flask import current_app

from idp.core import crypto
from idp.core.settings import Secrets
from idp.oidc import scopes

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


def subject_for(client: "Client", subject: str) -> str:
    """The `sub` that this client sees: the subject, or for a pairwise client one that no other sector can
    compare.

    HMAC over sector and subject (OpenID Connect Core section 8.1, method 3); its key never rotates, since
    `sub` must not.
    """
    if client.subject_type != "pairwise":
        return subject
    return crypto.mac(_pairwise_key(), client.sector, subject)


def sid_for(client: "Client", sid: str) -> str:
    """The `sid` that this client sees: of a pairwise client another in each sector, or it would tell what `sub` hides."""
    if client.subject_type != "pairwise" or not sid:
        return sid
    return crypto.mac(_pairwise_key(), "sid", client.sector, sid)


def _pairwise_key() -> bytes:
    return cast(Secrets, current_app.extensions["idp.secrets"]).pairwise


def permitted(client: "Client") -> frozenset[str]:
    """Every claim that this client may ever have: those of its registered scopes, restricted ones only where allowed."""
    names = scopes.claims_of(client.scope)
    return frozenset(names - (set(scopes.restricted_claims()) - set(client.permitted_claims)))


def requested_names(scope: str, requested: dict[str, Any], place: str) -> set[str]:
    """Names of the claims asked for at `place`: `userinfo` or `id_token`. Scopes speak of userinfo only (Core 5.4)."""
    by_scope = scopes.claims_of(scope) if place == "userinfo" else set()
    return by_scope | (requested.get(place) or {}).keys()


def names_to_disclose(client: "Client", scope: str, requested: dict[str, Any]) -> set[str]:
    """Every claim that these tokens would give away anywhere: what consent is about."""
    return (requested_names(scope, requested, "userinfo") | requested_names(scope, requested, "id_token")) & permitted(client)


def select_values(client: "Client", names: set[str], snapshot: dict[str, Any]) -> dict[str, Any]:
    """The values of those claims that are asked for, permitted and known."""
    allowed = permitted(client)
    return {
        name: snapshot[name] for name in scopes.claims() if name in names and name in allowed and snapshot.get(name) is not None
    }
