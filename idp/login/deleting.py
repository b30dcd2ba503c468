"""«Akun Anda akan dihapus»: whoever signs in while an account waits for its erasure may keep it."""

from flask import Response, make_response, render_template, request

from idp import accounts, notices
from idp.audit import trail
from idp.core import clock
from idp.core.values import Authentication
from idp.interaction import rooms
from idp.interaction.rooms import here
from idp.login.routes import DELETING, leave, room
from idp.storage.database import db


@room.route("/login/deleting", methods=["GET", "POST"])
def deleting() -> Response:
    """Says when; the button calls it off and goes on to the service."""
    notes = here().draft(DELETING)
    proved = Authentication.from_dict(notes["proved"]) if notes else None
    account = accounts.find(proved.account) if proved else None
    if proved is None or account is None or account.locked or account.password_changed_at > proved.auth_time:
        return rooms.door()  # what was proved here holds no longer: fails closed
    if request.method == "POST" and _keep(account):
        trail.record("sign_in", account=account.subject, client=here().service.get("client_id"))
        here().authenticated(proved)
        return leave(account.subject, notes["by"])
    if account.delete_at is None:
        return rooms.door()
    at = clock.from_timestamp(account.delete_at)
    return make_response(render_template("login/deleting.html", at=at))


def _keep(account: accounts.Account) -> bool:
    contacts, subject, kept = account.contacts_in_use, account.subject, []

    def tell() -> None:
        said = notices.deletion_cancelled(clock.now())
        kept.extend(notices.write(contacts, said, subject, db.session.connection()))

    done = accounts.cancel_deletion(account, tell)
    notices.send(kept)
    return done
