"""The room of «Kendala Masuk ke Akun?»: three ways back into an account; none of them signs anybody in."""

from flask import Flask

from idp.recovery.routes import room


def init_app(app: Flask) -> None:
    """Opens the room."""
    app.register_blueprint(room)
