"""The page for a service that insists on more than a recovered account has during probation: from when, and which ways on."""

from flask import Response, make_response, render_template, request

from idp import probation
from idp.core import clock
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.recovery.routes import room


@room.route("/recover/limited", methods=["GET", "POST"])
def limited() -> Response:
    """Says from when; where the service would only like more, the person may go on without."""
    proved = current_interaction().authentication
    if proved is None or not {"limited", "limited_preferred"} & set(current_interaction().owed):
        return rooms.redirect_to_next_step()
    liked = "limited_preferred" in current_interaction().owed
    if request.method == "POST" and liked:
        current_interaction().declined = True
        return rooms.save_and_continue()
    known = probation.current_probation(proved.account)
    until = clock.from_timestamp(known.until) if known is not None else None
    return make_response(render_template("recovery/limited.html", until=until, liked=liked))
