"""Layanan Terhubung: which services the account uses, what each was given, and how its owner disconnects one."""

from typing import Any

from flask import Response, g, request, url_for

from idp.account.access import blueprint, page, sign_in_required
from idp.accounts.connections import ConnectedService, connected_services
from idp.core import clock
from idp.web import urls


@blueprint.route("/services")
@sign_in_required
def connected() -> Response:
    """Every service that was signed in to lately, or may still act for the account."""
    return page("connected", connected=[_shown(known) for known in connected_services().of(g.account.subject)])


@blueprint.route("/services/end", methods=["POST"])
@sign_in_required
def disconnect() -> Response:
    """Ends one of the account's own connections: its grant, its tokens and its part of every session."""
    subject, client_id = g.account.subject, request.form.get("client", "")
    if client_id in {known.client_id for known in connected_services().of(subject)}:
        connected_services().end(subject, client_id)
    return urls.see_other(url_for("account.connected"))


def _shown(known: ConnectedService) -> dict[str, Any]:
    return {
        "client_id": known.client_id,
        "name": known.name,
        "logo_uri": known.logo_uri,
        "shared": ", ".join(known.shared),
        "since": clock.from_timestamp(known.since) if known.since else None,
        "last_used": clock.from_timestamp(known.last_used) if known.last_used else None,
        "consented": known.consented,
        "offline": known.offline,
    }
