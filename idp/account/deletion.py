"""Hapus akun: asked for after a new sign-in, done after a waiting time in which signing in calls it off."""

from flask import Response, g, request, url_for
from wtforms import BooleanField
from wtforms.validators import InputRequired

from idp import accounts, clock, notices, sessions, web
from idp.account.room import blueprint, page, recently, signed_in, unfrozen
from idp.config import settings
from idp.extensions import _l, db
from idp.forms import Form
from idp.sealing import Unsealable, sealer

UNTIL = "account.deleted"


class DeletionForm(Form):
    """That it is meant."""

    meant = BooleanField(
        _l("Saya mengerti dan ingin menghapus akun saya"), [InputRequired(_l("Centang kotak ini untuk melanjutkan."))]
    )


@blueprint.route("/delete", methods=["GET", "POST"])
@signed_in
@recently
@unfrozen
def delete() -> Response:
    """What will be gone, what stays, and until when one may change one's mind."""
    form = DeletionForm()
    if not form.validate_on_submit():
        return page("delete", form, days=settings().deletion_days)
    until = _request()
    if until is None:
        return web.see_other(url_for("account.home"))
    sessions.end_all(g.account.subject)
    response = web.see_other(url_for("account.deletion_begun", until=sealer().seal(str(until), UNTIL)))
    sessions.forget_cookie(response)
    return response


@blueprint.route("/deletion")
def deletion_begun() -> Response:
    """Says until when (`until`, sealed by us); nobody is signed in any more."""
    try:
        until = int(sealer().open(request.args.get("until", ""), UNTIL))
    except Unsealable:
        return web.see_other(url_for("account.home"))
    return page("deletion_begun", until=clock.from_timestamp(until))


def _request() -> int | None:
    account = g.account
    contacts, subject, kept = account.contacts_in_use, account.subject, []

    def tell(until: int) -> None:
        said = notices.deletion_requested(clock.now(), clock.from_timestamp(until))
        kept.extend(notices.write(contacts, said, subject, db.session.connection()))

    until = accounts.request_deletion(account, tell)
    notices.send(kept)
    return until
