"""The room of «Kendala Masuk ke Akun?»: three ways back into an account; none of them signs anybody in."""

from flask import Flask

from idp.recovery import limited, veto
from idp.recovery.routes import room

__all__ = ["init_app", "limited"]


def init_app(app: Flask) -> None:
    """Opens the room, and the pages behind the links in its notices."""
    app.register_blueprint(room)
    app.register_blueprint(veto.pages)
