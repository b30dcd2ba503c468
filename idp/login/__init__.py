"""The room where a person signs in with identifier and password."""

from flask import Flask

from idp.login.routes import room


def init_app(app: Flask) -> None:
    """Opens the room."""
    app.register_blueprint(room)
