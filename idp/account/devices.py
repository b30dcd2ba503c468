"""Perangkat dan sesi: where the account is signed in, to be ended one by one or all at once."""

from typing import Any

from flask import Response, g, url_for

from idp import notices
from idp.account.access import blueprint, page, sign_in_required
from idp.accounts import generations
from idp.accounts.connections import connected_services
from idp.audit import trail
from idp.core import clock
from idp.interaction import pending
from idp.sessions import single_sign_on
from idp.storage.unit_of_work import unit_of_work
from idp.web import urls


@blueprint.route("/sessions")
@sign_in_required
def devices() -> Response:
    """Every live session, this one first, then the latest used."""
    found = sorted(single_sign_on.of_account(g.account.subject), key=lambda s: (s["sid"] != g.session.sid, -s["seen"]))
    return page("sessions", sessions=[_shown(session) for session in found])


@blueprint.route("/sessions/<sid>/end", methods=["POST"])
@sign_in_required
def end_session(sid: str) -> Response:
    """Ends one of the account's own sessions; its services are told."""
    if sid in {session["sid"] for session in single_sign_on.of_account(g.account.subject)} and single_sign_on.end(sid):
        trail.record("session_ended", account=g.account.subject)
    return urls.see_other(url_for("account.devices"))


@blueprint.route("/sessions/others/end", methods=["POST"])
@sign_in_required
def end_other_sessions() -> Response:
    """Ends every session but this one."""
    trail.record("sessions_ended", account=g.account.subject)
    single_sign_on.end_all(g.account.subject, except_sid=g.session.sid)
    return urls.see_other(url_for("account.devices"))


@blueprint.route("/sessions/end", methods=["POST"])
@sign_in_required
def end_everywhere() -> Response:
    """Ends every session, this one too, and what services could go on with without one; the contacts are told."""
    account = g.account
    contacts, subject = account.contacts_in_use, account.subject
    with unit_of_work():
        generations.raise_generation(subject)
        trail.record("sessions_ended", account=subject)
        notices.notify(contacts, notices.signed_out_everywhere(clock.now()), subject)
    response = urls.see_other(url_for("account.signed_out"))
    single_sign_on.delete_cookie(response)
    pending.sign_out()
    return response


@blueprint.route("/signed-out")
def signed_out() -> Response:
    """Says that every session has ended, and offers to sign in again."""
    return page("signed_out")


def _shown(session: dict[str, Any]) -> dict[str, Any]:
    names = [connected_services().name(client_id) for client_id in sorted(single_sign_on.clients_of(session["sid"]))]
    return {
        "sid": session["sid"],
        "mine": session["sid"] == g.session.sid,
        "device": session["device"].replace("?", "–"),
        "created": clock.from_timestamp(session["created"]),
        "seen": clock.from_timestamp(session["seen"]),
        "services": ", ".join(name for name in names if name),
    }
