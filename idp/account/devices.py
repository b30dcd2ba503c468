"""Perangkat dan sesi: where the account is signed in, to be ended one by one or all at once."""

from typing import Any

from flask import Response, g, url_for

from idp import audit, clock, notices, sessions, web
from idp.account.room import blueprint, page, signed_in
from idp.connections import connections
from idp.extensions import db


@blueprint.route("/sessions")
@signed_in
def devices() -> Response:
    """Every live session, this one first, then the latest used."""
    found = sorted(sessions.of_account(g.account.subject), key=lambda s: (s["sid"] != g.session.sid, -s["seen"]))
    return page("sessions", sessions=[_shown(session) for session in found])


@blueprint.route("/sessions/<sid>/end", methods=["POST"])
@signed_in
def end_session(sid: str) -> Response:
    """Ends one of the account's own sessions; its services are told."""
    if sid in {session["sid"] for session in sessions.of_account(g.account.subject)} and sessions.end(sid):
        audit.record("session_ended", account=g.account.subject)
    return web.see_other(url_for("account.devices"))


@blueprint.route("/sessions/others/end", methods=["POST"])
@signed_in
def end_other_sessions() -> Response:
    """Ends every session but this one."""
    audit.record("sessions_ended", account=g.account.subject)
    sessions.end_all(g.account.subject, keep=g.session.sid)
    return web.see_other(url_for("account.devices"))


@blueprint.route("/sessions/end", methods=["POST"])
@signed_in
def end_everywhere() -> Response:
    """Ends every session, this one too, and what services could go on with without one; the contacts are told."""
    account = g.account
    contacts, subject = account.contacts_in_use, account.subject
    audit.record("sessions_ended", account=subject)
    kept = notices.write(contacts, notices.signed_out_everywhere(clock.now()), subject, db.session.connection())
    db.session.commit()
    sessions.end_all(subject)
    connections().end_tokens(subject)
    notices.send(kept)
    response = web.see_other(url_for("account.signed_out"))
    sessions.forget_cookie(response)
    return response


@blueprint.route("/signed-out")
def signed_out() -> Response:
    """Goodbye."""
    return page("signed_out")


def _shown(session: dict[str, Any]) -> dict[str, Any]:
    names = [connections().name(client_id) for client_id in sorted(sessions.clients_of(session["sid"]))]
    return {
        "sid": session["sid"],
        "mine": session["sid"] == g.session.sid,
        "device": session["device"].replace("?", "–"),
        "created": clock.from_timestamp(session["created"]),
        "seen": clock.from_timestamp(session["seen"]),
        "services": ", ".join(name for name in names if name),
    }
