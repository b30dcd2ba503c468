"""The room where a person signs in: identifier and password, then the second factor where one is owed."""

from flask import Flask

from idp.login import app_setup, assurance, passkeys, pending_deletion, recovery_question, second_factor
from idp.login.routes import room

__all__ = [
    "app_setup", "assurance", "init_app", "passkeys", "pending_deletion", "recovery_question", "room", "second_factor",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """Registers the pages of the sign-in."""
    app.register_blueprint(room)
