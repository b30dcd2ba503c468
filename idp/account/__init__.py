"""The room of the account's own pages: what its owner sees and rules about it."""

from flask import Flask

from idp.account import (
    activity,
    connected,
    contacts,
    deletion,
    devices,
    ending,
    export,
    identity,
    language,
    methods,
    overview,
    password,
)
from idp.account.overview import SECTIONS
from idp.account.room import blueprint

__all__ = [
    "SECTIONS", "activity", "connected", "contacts", "deletion", "devices", "ending", "export", "identity", "init_app",
    "language", "methods", "overview", "password",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """Opens the room."""
    app.jinja_env.globals["account_sections"] = SECTIONS
    app.register_blueprint(blueprint)
