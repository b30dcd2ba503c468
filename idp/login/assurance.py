"""The page for a service that takes only accounts whose person officers have seen: how to become one, and the way back."""

from flask import Response, make_response, render_template

from idp.interaction import rooms
from idp.interaction.rooms import here
from idp.login.routes import room


@room.route("/login/assurance")
def assurance() -> Response:
    """Says where to go with which document."""
    if "assurance" not in here().owed or here().authentication is None:
        return rooms.door()
    return make_response(render_template("login/assurance.html"))
