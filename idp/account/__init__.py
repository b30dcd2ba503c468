"""The room of the account's own pages: what its owner sees and rules about it."""

from flask import Flask, Response, url_for

from idp import web
from idp.account import methods
from idp.account.room import blueprint
from idp.extensions import _l

__all__ = ["SECTIONS", "home", "init_app", "methods"]

# The navigation, in this order: endpoint and words.
SECTIONS = [
    ("account.methods", _l("Keamanan masuk")),
]


@blueprint.route("")
def home() -> Response:
    """The first section."""
    return web.see_other(url_for(SECTIONS[0][0]))


def init_app(app: Flask) -> None:
    """Opens the room."""
    app.jinja_env.globals["account_sections"] = SECTIONS
    app.register_blueprint(blueprint)
