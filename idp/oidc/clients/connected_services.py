"""The services of an account: which ones it uses, what each was given, and how one of them is disconnected."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from idp.accounts import disclosure, generations
from idp.accounts.connections import ConnectedService
from idp.audit import trail
from idp.core import clock, languages
from idp.core.values import ACCOUNT_CLIENT
from idp.oidc.authorization import consent, resources
from idp.oidc.authorization.consent import REMEMBERED_GRANTS
from idp.oidc.clients.directory import clients
from idp.oidc.logout import back_channel
from idp.oidc.tokens import claims, refresh_tokens, service_use
from idp.oidc.tokens.refresh_tokens import REFRESH_FAMILIES
from idp.sessions import single_sign_on
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


class ConnectedServices:
    """What `idp.accounts.connections` asks of the protocol."""

    def of(self, subject: str) -> list[ConnectedService]:
        """Services with a grant, with refresh tokens, or used within 90 days; not these pages themselves."""
        grants = {grant["client_id"]: grant for grant in consent.of_account(subject)}
        now = generations.current(subject)
        alive = [row for row in _families(subject) if row["revoked_at"] is None and row["generation"] == now]
        offline = {row["client_id"]: row["created_at"] for row in alive}
        used = service_use.services_used(subject)
        found = (grants.keys() | offline.keys() | used.keys()) - {ACCOUNT_CLIENT}
        made = [_connection(c, grants.get(c), offline.get(c), used.get(c)) for c in found]
        return sorted(made, key=lambda connection: connection.name.casefold())

    def end(self, subject: str, client_id: str) -> None:
        """Grant, codes and tokens in one unit of work with what the service is told."""
        with unit_of_work():
            consent.revoke(subject, client_id)
            _notify_back_channel(subject, client_id)
        service_use.forget_service_used(subject, client_id)

    def keep(self, subject: str, before: int, generation: int) -> None:
        """The families of refresh tokens that need no session."""
        refresh_tokens.reissue_offline(subject, before, generation)

    def name(self, client_id: str) -> str | None:
        """In the language of the page."""
        client = clients().find(client_id)
        return client.name(_language()) if client is not None else None

    def export(self, subject: str) -> list[dict[str, Any]]:
        """Grants with time and wording, and the life of each family of refresh tokens."""
        grants = [{"kind": "consent"} | grant for grant in consent.of_account(subject)]
        names = ("client_id", "created_at", "expires_at", "revoked_at")
        kept = [{"kind": "refresh_tokens"} | {name: family[name] for name in names} for family in _families(subject)]
        used = [
            {"kind": "used", "client_id": c, "first": at[0], "last": at[1]}
            for c, at in service_use.services_used(subject).items()
        ]
        times = generations.disconnections(subject)
        return grants + kept + used + [{"kind": "disconnected", "client_id": c, "times": number} for c, number in times.items()]


def erase(_: Any, subject: str, **rest: Any) -> None:
    """An account is being erased: its grants, refresh tokens and notices of logout go in the same unit of work."""
    for table in (REMEMBERED_GRANTS, REFRESH_FAMILIES):
        db.session.execute(delete(table).where(table.c.subject == subject))


def forget(_: Any, subject: str) -> None:
    """An account is gone: so is which services it used."""
    service_use.forget_services_used(subject)


def _connection(
    client_id: str, grant: dict[str, Any] | None, offline: int | None, used: tuple[int, int] | None
) -> ConnectedService:
    client = clients().find(client_id)
    times = [at for at in (grant["granted_at"] if grant else None, offline, used[0] if used else None) if at]
    return ConnectedService(
        client_id=client_id,
        name=client.name(_language()) if client else client_id,
        logo_uri=str(client.logo_uri or "") if client else "",
        shared=tuple(_shared(client, grant)),
        since=min(times, default=None),
        last_used=used[1] if used else None,
        consented=grant is not None,
        offline=offline is not None,
    )


def _shared(client: "Client | None", grant: dict[str, Any] | None) -> list[str]:
    """What was allowed; for a service of the ministry, which nobody is asked about, what it may have."""
    if grant is not None:
        acting = disclosure.delegation_labels(resources.display_names(tuple(grant["resources"].split()), _language()))
        return disclosure.labels(set(grant["claims"].split())) + [f"{label} {name}" for label, name in acting]
    return disclosure.labels(set(claims.permitted(client))) if client is not None else []


def _families(subject: str) -> list[dict[str, Any]]:
    wanted = (
        REFRESH_FAMILIES.c.client_id,
        REFRESH_FAMILIES.c.created_at,
        REFRESH_FAMILIES.c.expires_at,
        REFRESH_FAMILIES.c.revoked_at,
        REFRESH_FAMILIES.c.generation,
    )
    alive = select(*wanted).where(REFRESH_FAMILIES.c.subject == subject, REFRESH_FAMILIES.c.expires_at > clock.timestamp())
    with db.engine.connect() as connection:
        return [dict(row) for row in connection.execute(alive.order_by(REFRESH_FAMILIES.c.created_at.desc())).mappings()]


def _notify_back_channel(subject: str, client_id: str) -> None:
    """By back channel, of each session it knows; where there is none, of the person (Back-Channel Logout 1.0 section 2.4)."""
    known = [session["sid"] for session in single_sign_on.of_account(subject)]
    concerned = [sid for sid in known if single_sign_on.forget_client(sid, client_id)]
    for sid in concerned or [""]:
        back_channel.notify(sid, subject, {client_id})
    trail.record("backchannel_logout", account=subject, client=client_id, sessions=len(concerned))


def _language() -> str:
    return languages.current().tag
