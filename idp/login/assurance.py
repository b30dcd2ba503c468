"""The page for a service that takes only accounts whose person officers have seen: how to become one, and the way back."""

from flask import Response, make_response, render_template

from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.login.routes import room


@room.route("/login/assurance")
def assurance() -> Response:
    """Says where to go with which document."""
    if "assurance" not in current_interaction().owed or current_interaction().authentication is None:
        return rooms.redirect_to_next_step()
    return make_response(render_template("login/assurance.html"))
