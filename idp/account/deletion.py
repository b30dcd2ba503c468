"""Hapus akun: asked for after a new sign-in, done after a waiting time in which signing in calls it off."""

from flask import Response, g, request, url_for
from wtforms import BooleanField
from wtforms.validators import InputRequired

from idp import accounts, notices, probation
from idp.account.access import blueprint, page, second_factor_required_if_enrolled
from idp.core import clock
from idp.core.languages import _l
from idp.core.values import EmailAddress, PhoneNumber
from idp.probation.state_machine import VETO_LIFE
from idp.sessions import single_sign_on
from idp.storage.sealing import Unsealable, sealer
from idp.storage.unit_of_work import unit_of_work
from idp.web import urls
from idp.web.forms import Form

UNTIL = "account.deleted"


class DeletionForm(Form):
    """The confirmation that the account shall be deleted."""

    meant = BooleanField(
        _l("Saya mengerti dan ingin menghapus akun saya"), [InputRequired(_l("Centang kotak ini untuk melanjutkan."))]
    )


@blueprint.route("/delete", methods=["GET", "POST"])
@second_factor_required_if_enrolled
def delete() -> Response:
    """What will be gone, what stays, and until when one may change one's mind."""
    form = DeletionForm()
    if not form.validate_on_submit():
        return page("delete", form, until=clock.from_timestamp(_earliest_erasure()))
    until = _request()
    if until is None:
        return urls.see_other(url_for("account.home"))
    response = urls.see_other(url_for("account.deletion_begun", until=sealer().seal(str(until), UNTIL)))
    single_sign_on.delete_cookie(response)
    return response


@blueprint.route("/deletion")
def deletion_begun() -> Response:
    """Says until when (`until`, sealed by us); nobody is signed in any more."""
    try:
        until = int(sealer().open(request.args.get("until", ""), UNTIL))
    except Unsealable:
        return urls.see_other(url_for("account.home"))
    return page("deletion_begun", until=clock.from_timestamp(until))


def _earliest_erasure() -> int:
    # Never before a recovery is beyond undoing: whoever took an account over must not destroy it before its owner spoke.
    return max(accounts.earliest_erasure(), probation.last_veto_deadline(g.account.subject))


def _request() -> int | None:
    account, until = g.account, _earliest_erasure()
    told = _contacts(account)
    with unit_of_work():
        if accounts.request_deletion(account, until):
            notices.notify(told, notices.deletion_requested(clock.now(), clock.from_timestamp(until)), account.subject)
        return accounts.deletion_due(account.subject)


def _contacts(account: accounts.Account) -> list[PhoneNumber | EmailAddress]:
    """Those that were replaced lately too, as a thief's first step is to take them away; but for those of others by now."""
    lately = account.contacts_since(clock.timestamp() - VETO_LIFE)
    return [contact for contact in lately if not accounts.contact_taken(contact, except_subject=account.subject)]
