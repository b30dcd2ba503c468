"""Riwayat Aktivitas: what happened to the account, in plain words, and the way to say: that was not me."""

from typing import Any

from flask import Response, g, request, url_for

from idp import authenticators
from idp.account.access import blueprint, go_on_here, page, sign_in_required
from idp.account.activity_words import SHOWN_EVENTS, describe_event
from idp.accounts import generations
from idp.accounts.connections import connected_services
from idp.audit import trail
from idp.core import clock
from idp.sessions import known_devices
from idp.storage.unit_of_work import unit_of_work
from idp.web import urls

EVENTS_PER_PAGE = 20  # events a page


@blueprint.route("/activity")
@sign_in_required
def activity() -> Response:
    """Newest first, a page at a time (`before`: a position)."""
    before = request.args.get("before", "")
    # What was just done is to be seen, though the trail is written behind the answers.
    trail.drain()
    found = trail.history(g.account.subject, SHOWN_EVENTS, int(before) if _is_position(before) else None, EVENTS_PER_PAGE + 1)
    older = found[EVENTS_PER_PAGE - 1]["position"] if len(found) > EVENTS_PER_PAGE else None
    return page("activity", events=[_shown(row) for row in found[:EVENTS_PER_PAGE]], older=older)


@blueprint.route("/activity/report", methods=["POST"])
@sign_in_required
def report_activity() -> Response:
    """«Laporkan aktivitas ini»: every other session ends with all that services could go on with, then a new password."""
    subject, position = g.account.subject, request.form.get("event", "")
    proved = g.session.authentication.generation
    with unit_of_work():
        generation = generations.raise_generation(subject, proved, g.session.sid)
        known_devices.go_on(subject, proved, generation)
        trail.record("activity_reported", account=subject, position=position if _is_position(position) else None)
    return go_on_here(urls.see_other(url_for("account.reported")), generation)


@blueprint.route("/activity/reported")
@sign_in_required
def reported() -> Response:
    """What was done, and what to do next."""
    return page("reported", guarded=authenticators.enrolled_for(g.account.subject).any)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    client = connected_services().name(row["client"]) if row["client"] else None
    at = clock.from_timestamp(row["at"] / 1000)
    return {
        "day": clock.wib(at).date(),
        "position": row["position"],
        "words": describe_event(row["event"], row["facts"], client),
        "at": at,
        "device": row["facts"].get("device"),
        "reportable": row["event"] not in ("activity_reported", "account_created"),
    }


def _is_position(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
