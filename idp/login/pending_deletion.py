"""«Akun Anda akan dihapus»: whoever signs in while an account waits for its erasure may keep it."""

from flask import Response, make_response, render_template, request

from idp import accounts, notices
from idp.audit import trail
from idp.core import clock
from idp.core.values import Authentication
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.login.routes import PENDING_DELETION_NOTES, continue_unless_recovery_waits, room
from idp.storage.unit_of_work import unit_of_work


@room.route("/login/deleting", methods=["GET", "POST"])
def deleting() -> Response:
    """Says when; the button calls it off and goes on to the service."""
    notes = current_interaction().draft(PENDING_DELETION_NOTES)
    proved = Authentication.from_dict(notes["proved"]) if notes else None
    account = accounts.find(proved.account) if proved else None
    if proved is None or account is None or account.locked or account.generation != proved.generation:
        return rooms.redirect_to_next_step()  # what was proved here holds no longer: fails closed
    if request.method == "POST" and _cancel_deletion(account, proved.generation):
        trail.record("sign_in", account=account.subject, client=current_interaction().service.get("client_id"))
        current_interaction().authenticated(proved)
        return continue_unless_recovery_waits(proved, notes["by"])
    if account.delete_at is None:
        return rooms.redirect_to_next_step()
    at = clock.from_timestamp(account.delete_at)
    return make_response(render_template("login/deleting.html", at=at))


def _cancel_deletion(account: accounts.Account, proved: int) -> bool:
    with unit_of_work():
        if accounts.cancel_deletion(account, proved):
            notices.notify(account.contacts_in_use, notices.deletion_cancelled(clock.now()), account.subject)
        return accounts.in_use(account.subject)
