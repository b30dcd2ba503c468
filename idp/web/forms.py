"""Forms: their base class and the page that shows one."""

from typing import Any

from flask import Response, make_response, render_template, request
from flask_wtf import FlaskForm


class Form(FlaskForm):  # type: ignore[misc]
    """A form of ours: CSRF token always, bound to the cookie of the interaction (elsewhere: of the browser)."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        locales = False


def form_page(template: str, form: Any = None, status: int | None = None, **context: Any) -> Response:
    """The page with this form: 200, or `status`, or 422 when something is wrong with what was sent."""
    refused = 422 if form is not None and form.errors and request.method == "POST" else 200
    return make_response(render_template(template, form=form, **context), status or refused)
