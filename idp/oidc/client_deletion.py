"""The end of a client that registered itself (RFC 7592 section 2.3): with it ends all that anybody gave it."""

from idp import audit
from idp.extensions import db
from idp.oidc import consent, dynamic_clients, families, records


def delete(client_id: str) -> None:
    """Ends the client, its refresh families, its access tokens and what people allowed it.

    One transaction: whoever reads the tables sees the client with all of it, or none. The marks come after; until each is
    set the access tokens open nothing either, since their client is not found.
    """
    with db.engine.begin() as connection:
        ended = families.end_client(connection, client_id) + consent.forget_client(connection, client_id)
        dynamic_clients.remove(connection, client_id)
    for subject, name in ended:
        records.mark_ended(subject, name)
    audit.record("client_deleted", client=client_id)
