"""Marks that end what was issued: of a session, a family of tokens, a remembered grant, a token."""

from idp.core import crypto
from idp.sessions import single_sign_on
from idp.storage import endings
from idp.storage.redis_store import store
from idp.storage.unit_of_work import unit_of_work

REVOCATION_LIFE = single_sign_on.ENDED_LIFE  # longer than any access token lives


def mark_ended(subject: str, ended: str) -> None:
    """Ends a family, a remembered grant or a token of this account: no access token issued under it works from now on.

    The mark in the store ends it at once; SQL remembers, should the store fail over and forget.
    """
    store().put(f"ended:{{{crypto.hash_tag(subject)}}}:{ended}", "1", REVOCATION_LIFE)
    with unit_of_work():
        endings.note(ended)
