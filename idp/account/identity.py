"""Data diri: what the account says about the person, and the road to having it corrected."""

from flask import Response, g

from idp.account.access import blueprint, page, sign_in_required
from idp.accounts import disclosure
from idp.core import clock


@blueprint.route("/identity")
@sign_in_required
def identity() -> Response:
    """Nothing of it can be changed here: it is what Dukcapil knows."""
    account = g.account
    # Masked, and without the date of birth: six of its digits are the NIK's.
    facts = {"name": account.name.text, "nik": account.nik.masked} | ({"roles": account.roles} if account.roles else {})
    rows = disclosure.labelled_claims(facts)
    return page("identity", rows=rows, created=clock.from_timestamp(account.created_at), terms=account.terms)
