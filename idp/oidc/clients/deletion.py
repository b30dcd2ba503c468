"""The end of a client that registered itself (RFC 7592 section 2.3): with it ends all that anybody gave it."""

from idp.audit import trail
from idp.oidc.authorization import consent
from idp.oidc.clients import dynamic
from idp.oidc.tokens import refresh_tokens, revocation_marks
from idp.storage.database import db


def delete(client_id: str) -> None:
    """Ends the client, its refresh families, its access tokens and what people allowed it.

    One transaction: whoever reads the tables sees the client with all of it, or none. The marks come after; until each is
    set the access tokens open nothing either, since their client is not found.
    """
    with db.engine.begin() as connection:
        ended = refresh_tokens.revoke_for_client(connection, client_id) + consent.delete_client_grants(connection, client_id)
        dynamic.remove(connection, client_id)
    for subject, name in ended:
        revocation_marks.mark_ended(subject, name)
    trail.record("client_deleted", client=client_id)
