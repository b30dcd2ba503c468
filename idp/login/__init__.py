"""The room where a person signs in: identifier and password, then the second factor where one is owed."""

from flask import Flask

from idp.login import app_setup, assurance, deleting, passkeys, recovering, second_factor
from idp.login.routes import room

__all__ = ["app_setup", "assurance", "deleting", "init_app", "passkeys", "recovering", "room", "second_factor"]


def init_app(app: Flask) -> None:
    """Opens the room."""
    app.register_blueprint(room)
