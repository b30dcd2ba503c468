"""Marks that end what was issued: of a session, a family of tokens, a remembered grant or a service."""

from idp.core import clock, crypto
from idp.oidc.tokens.service_use import services_key
from idp.sessions import single_sign_on
from idp.storage.redis_store import store

REVOCATION_LIFE = single_sign_on.ENDED_LIFE  # longer than any access token lives


def end_client_tokens(subject: str, client_id: str) -> None:
    """Ends every code and access token of one service for this account, and forgets that it was used."""
    store().put(f"cut:{{{crypto.hash_tag(subject)}}}:{subject}:{client_id}", str(clock.timestamp()), REVOCATION_LIFE)
    store().drop_fields(services_key(subject), f"first:{client_id}", f"last:{client_id}")


def mark_ended(subject: str, ended: str) -> None:
    """Ends a family or a remembered grant of this account: no access token issued under it works from now on."""
    store().put(f"ended:{{{crypto.hash_tag(subject)}}}:{ended}", "1", REVOCATION_LIFE)
