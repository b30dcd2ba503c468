"""The room of the account's own pages: what its owner sees and rules about it."""

from flask import Flask

from idp.account import (
    activity,
    connected_services,
    contact_confirmation,
    contacts,
    deletion,
    devices,
    export,
    identity,
    language,
    overview,
    password,
    session_expiry,
    sign_in_methods,
)
from idp.account.access import blueprint
from idp.account.overview import SECTIONS

__all__ = [
    "SECTIONS", "activity", "connected_services", "contact_confirmation", "contacts", "deletion", "devices", "export",
    "identity", "init_app", "language", "overview", "password", "session_expiry", "sign_in_methods",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """Registers the pages of the account."""
    app.jinja_env.globals["account_sections"] = SECTIONS
    app.register_blueprint(blueprint)
