"""Riwayat Aktivitas: what happened to the account, in plain words, and the way to say: that was not me."""

from typing import Any

from flask import Response, g, request, url_for

from idp import authenticators
from idp.account.activity_words import EVENTS, said
from idp.account.room import blueprint, page, signed_in
from idp.accounts.connections import connections
from idp.audit import trail
from idp.authenticators import remembered_devices
from idp.core import clock
from idp.sessions import single_sign_on
from idp.web import urls

SHOWN = 20  # events a page


@blueprint.route("/activity")
@signed_in
def activity() -> Response:
    """Newest first, a page at a time (`before`: a position)."""
    before = request.args.get("before", "")
    # What was just done is to be seen, though the trail is written behind the answers.
    trail.drain()
    found = trail.history(g.account.subject, EVENTS, int(before) if _is_position(before) else None, SHOWN + 1)
    older = found[SHOWN - 1]["position"] if len(found) > SHOWN else None
    return page("activity", events=[_shown(row) for row in found[:SHOWN]], older=older)


@blueprint.route("/activity/report", methods=["POST"])
@signed_in
def report_activity() -> Response:
    """«Laporkan aktivitas ini»: every other session ends with all that services could go on with, then a new password."""
    subject, position = g.account.subject, request.form.get("event", "")
    trail.record("activity_reported", account=subject, position=position if _is_position(position) else None)
    single_sign_on.end_all(subject, keep=g.session.sid)
    connections().end_tokens(subject)
    remembered_devices.forget(subject)
    return urls.see_other(url_for("account.reported"))


@blueprint.route("/activity/reported")
@signed_in
def reported() -> Response:
    """What was done, and what to do next."""
    return page("reported", guarded=authenticators.of(g.account.subject).any)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    client = connections().name(row["client"]) if row["client"] else None
    return {
        "position": row["position"],
        "words": said(row["event"], row["facts"], client),
        "at": clock.from_timestamp(row["at"] / 1000),
        "device": row["facts"].get("device"),
        "reportable": row["event"] not in ("activity_reported", "account_created"),
    }


def _is_position(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
