"""Consent: what an account allowed a client, remembered in SQL and, for the hot path, in the account's record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson
from flask import Response, make_response, render_template
from sqlalchemy import BigInteger, Connection, String, Table, Text, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp import accounts
from idp.accounts import disclosure, generations
from idp.audit import trail
from idp.core import clock, crypto, languages
from idp.interaction import rooms
from idp.oidc import scopes
from idp.oidc.authorization import details, resources
from idp.oidc.request import Request
from idp.oidc.tokens import claims, refresh_tokens, revocation_marks
from idp.storage.database import Model, db, inserting
from idp.storage.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

CONSENT_TEXT_VERSION = 1  # version of the consent page's text, kept with each grant (UU 27/2022 article 22)


class RememberedGrant(Model):
    """What an account allowed a client, when, and under which wording."""

    __tablename__ = "grants"
    __table_args__ = (UniqueConstraint("subject", "client_id"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    client_id: Mapped[str] = mapped_column(String(255))
    scope: Mapped[str] = mapped_column(Text)
    claims: Mapped[str] = mapped_column(Text, doc="Names of claims, separated by spaces.")
    resources: Mapped[str] = mapped_column(Text, server_default="", doc="URIs of resources (RFC 8707), separated by spaces.")
    granted_at: Mapped[int] = mapped_column(BigInteger)
    wording: Mapped[int] = mapped_column(BigInteger)


REMEMBERED_GRANTS = cast(Table, RememberedGrant.__table__)


@dataclass(frozen=True, slots=True)
class ConsentedGrant:
    """A remembered grant; an empty `id` stands for: nothing is remembered."""

    id: str = ""
    scope: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()

    def covers(self, request: Request) -> bool:
        """Whether everything this request asks for was allowed before."""
        # What exactly may be done is approved each time (RFC 9396 section 3): the next payment is another one.
        if not self.id or request.authorization_details:
            return False
        wanted = claims.names_to_disclose(request.registered, request.scope, request.claims)
        scopes, resources = set(request.scope.split()), set(request.resources)
        return scopes <= self.scope and wanted <= self.claims and resources <= self.resources


NO_GRANT = ConsentedGrant()


def account_fields(client: "Client") -> tuple[str, ...]:
    """The fields of the account's record that a decision about this client needs."""
    connection = generations.service_field(client.client_id)
    return (connection,) if client.first_party else (connection, _field(client.client_id))


def find_grant(subject: str, client: "Client", prefetched: Mapping[str, bytes | None]) -> ConsentedGrant:
    """The grant, from what rode along with the session; SQL only when nothing did, and then it rides the next time."""
    if client.first_party:
        return NO_GRANT
    kept = prefetched.get(_field(client.client_id))
    if kept is not None:
        return _grant(orjson.loads(kept))
    leased = generations.lease(subject)
    row = _row(subject, client.client_id)
    # Kept only if the account did not change while SQL was read: a grant that is being withdrawn must not come back.
    known = {name: row.get(name, "") for name in ("id", "scope", "claims", "resources")}
    generations.keep(subject, leased, {_field(client.client_id): orjson.dumps(known)})
    return _grant(row)


def save_grant(subject: str, request: Request) -> ConsentedGrant:
    """Adds what this request asks for to what the account allows this client; tokens issued before stay as they are."""
    client = request.registered
    before = _grant(_row(subject, client.client_id))
    wanted = claims.names_to_disclose(client, request.scope, request.claims)
    row = {
        "id": before.id or crypto.random_token(16),
        "scope": " ".join(sorted(before.scope | set(request.scope.split()))),
        "claims": " ".join(sorted(before.claims | wanted)),
        "resources": " ".join(sorted(before.resources | set(request.resources))),
        "granted_at": clock.timestamp(),
        "wording": CONSENT_TEXT_VERSION,
    }
    with unit_of_work():
        generations.touch(subject)
        _write(subject, client.client_id, row)
        trail.record("consent_given", account=subject, client=client.client_id, scope=request.scope, wording=CONSENT_TEXT_VERSION)
    return _grant(row)


def of_account(subject: str) -> list[dict[str, Any]]:
    """Every grant of an account, newest first: client_id, scope, claims, resources, granted_at, wording."""
    names = ("client_id", "scope", "claims", "resources", "granted_at", "wording")
    chosen = select(*(REMEMBERED_GRANTS.c[name] for name in names)).where(REMEMBERED_GRANTS.c.subject == subject)
    with db.engine.connect() as connection:
        rows = connection.execute(chosen.order_by(REMEMBERED_GRANTS.c.granted_at.desc())).mappings()
        return [dict(row) for row in rows]


def revoke(subject: str, client_id: str) -> None:
    """Withdraws a grant: forgotten, and every code and token issued under it is worth nothing. One unit of work."""
    row = _row(subject, client_id)
    with unit_of_work():
        generations.raise_service_generation(subject, client_id)
        db.session.execute(
            delete(REMEMBERED_GRANTS).where(REMEMBERED_GRANTS.c.subject == subject, REMEMBERED_GRANTS.c.client_id == client_id)
        )
        refresh_tokens.revoke_for_account(subject, client_id)
        if row:
            revocation_marks.mark_ended(subject, row["id"])
        trail.record("grant_revoked", account=subject, client=client_id)


def delete_client_grants(connection: Connection, client_id: str) -> list[tuple[str, str]]:
    """Forgets what anybody allowed a client, within this transaction; subject and id of each grant, to be marked as ended."""
    gone = (
        delete(REMEMBERED_GRANTS)
        .where(REMEMBERED_GRANTS.c.client_id == client_id)
        .returning(REMEMBERED_GRANTS.c.subject, REMEMBERED_GRANTS.c.id)
    )
    return [(row.subject, row.id) for row in connection.execute(gone)]


def page(request: Request, subject: str) -> Response:
    """The page that shows each value before it is shared."""
    client = request.registered
    snapshot = accounts.cached_claims(subject)
    wanted = claims.names_to_disclose(client, request.scope, request.claims)
    context = {
        "service": rooms.current_interaction().service,
        "values": disclosure.labelled_claims(claims.select_values(client, wanted, snapshot))
        + disclosure.delegation_labels(resources.display_names(request.resources, languages.current().tag))
        + details.in_words(request.authorization_details, languages.current().tag),
        "wordings": scopes.wordings(request.scope),
        "account": snapshot.get("name"),
    }
    return make_response(render_template("oidc/consent.html", **context))


def _field(client_id: str) -> str:
    return f"grant:{client_id}"


def _row(subject: str, client_id: str) -> dict[str, Any]:
    with db.engine.connect() as connection:
        found = (
            connection.execute(
                select(REMEMBERED_GRANTS).where(
                    REMEMBERED_GRANTS.c.subject == subject, REMEMBERED_GRANTS.c.client_id == client_id
                )
            )
            .mappings()
            .one_or_none()
        )
    return dict(found) if found else {}


def _write(subject: str, client_id: str, row: dict[str, Any]) -> None:
    connection = db.session.connection()
    # Another tab of the same person may be first: then its row says what this one says too.
    first = inserting(connection, REMEMBERED_GRANTS).values(row | {"subject": subject, "client_id": client_id})
    connection.execute(first.on_conflict_do_update(index_elements=["subject", "client_id"], set_=row))


def _grant(row: dict[str, Any]) -> ConsentedGrant:
    if not row.get("id"):
        return NO_GRANT
    # A copy in the store from before resources were kept has none: then they are asked about.
    parts = (frozenset(row.get(name, "").split()) for name in ("scope", "claims", "resources"))
    return ConsentedGrant(row["id"], *parts)
