"""Bahasa: the language in which the account is spoken to, on pages and in messages."""

from flask import Response, g, url_for
from wtforms import RadioField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined] # newer than its types

from idp import accounts
from idp.account.access import blueprint, page, sign_in_required
from idp.core import languages
from idp.core.languages import _l
from idp.web import cookies, urls
from idp.web.forms import Form


class LanguageForm(Form):
    """One of the languages that we speak."""

    language = RadioField(
        _l("Bahasa halaman dan pesan"), choices=lambda: [SelectChoice(known.tag, known.name) for known in languages.languages()]
    )


@blueprint.route("/language", methods=["GET", "POST"])
@sign_in_required
def language() -> Response:
    """Shows the language of the account, and changes it."""
    form = LanguageForm(language=g.account.locale)
    if not form.validate_on_submit():
        return page("language", form)
    accounts.set_locale(g.account, form.language.data)
    response = urls.see_other(url_for("account.language"))
    # What was pressed on the switch before is older than this.
    cookies.set_cookie(response, cookies.LANGUAGE, form.language.data)
    return response
