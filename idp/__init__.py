"""SIAPkerja ID, the identity provider. `create_app` is the way in; idp/application.py is the table of contents."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from idp.core.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The application, from settings (read from IDP_* when None); raises ConfigError."""
    # Imported here: modules of every floor import `idp.something`, and must not pull the whole house in by that.
    from idp.application import create_app as build

    return build(settings)
