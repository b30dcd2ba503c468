"""Forms: their base class and the page that shows one."""

from typing import Any

from flask import Response, make_response, render_template, request
from flask_wtf import FlaskForm
from flask_wtf.form import _Auto
from werkzeug.datastructures import MultiDict

from idp.web import typed_fields


class Form(FlaskForm):  # type: ignore[misc]
    """A form of ours: CSRF token always, bound to the cookie of the interaction (elsewhere: of the browser)."""

    def __init__(self, formdata: Any = _Auto, **prefilled: Any) -> None:
        """Filled in with what is sent; on a page whose language was just changed, with what was typed before."""
        typed = typed_fields.take() if formdata is _Auto else {}
        super().__init__(MultiDict(typed) if typed else formdata, **prefilled)

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        locales = False


def form_page(template: str, form: Any = None, status: int | None = None, **context: Any) -> Response:
    """The page with this form: 200, or `status`, or 422 when something is wrong with what was sent."""
    refused = 422 if form is not None and form.errors and request.method == "POST" else 200
    answered = status or refused
    # The title is what a screen reader says first: it tells that something is in the way, whatever it is.
    return make_response(render_template(template, form=form, in_the_way=answered >= 400, **context), answered)
