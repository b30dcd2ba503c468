"""The services that an account is connected to, as rooms see them; who keeps them (the protocol) says so at start-up."""

from dataclasses import dataclass
from typing import Any, Protocol, cast

from flask import Flask, current_app


@dataclass(frozen=True, slots=True)
class ConnectedService:
    """One service: what it was given, since when, when it last came (epoch seconds), and whether it acts unattended."""

    client_id: str
    name: str
    logo_uri: str
    shared: tuple[str, ...]
    since: int | None
    last_used: int | None
    consented: bool
    offline: bool


class ConnectedServices(Protocol):
    """What the protocol can say and do about an account and its services."""

    def of(self, subject: str) -> list[ConnectedService]:
        """Every service that was signed in to lately or may still act for the account, by name."""

    def end(self, subject: str, client_id: str) -> None:
        """Disconnects one: its tokens and its part of every session are over at once, and it is told."""

    def keep(self, subject: str, before: int, generation: int) -> None:
        """Lets services go on without a session of the person after the person's own change, in the unit of work that is
        open: what was issued in the generation `before` is issued anew under `generation`."""

    def name(self, client_id: str) -> str | None:
        """What people call a service; None for one that we know no more."""

    def export(self, subject: str) -> list[dict[str, Any]]:
        """All that is kept about an account and its services, as the person gets it."""


def register_provider(app: Flask, known: ConnectedServices) -> None:
    """Sets what keeps the connected services of this application."""
    app.extensions["idp.accounts.connections"] = known


def connected_services() -> ConnectedServices:
    return cast(ConnectedServices, current_app.extensions["idp.accounts.connections"])
