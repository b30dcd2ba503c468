"""The room where a person registers: identity, contact, code, done."""

from flask import Flask

from idp.registration import success
from idp.registration.routes import room

__all__ = ["init_app", "success"]


def init_app(app: Flask) -> None:
    """Registers the pages of registration."""
    app.register_blueprint(room)
