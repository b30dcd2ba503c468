"""The page for a service that insists on more than a recovered account has during probation: from when, and which ways on."""

from flask import Response, make_response, render_template, request

from idp import probation
from idp.core import clock
from idp.interaction import rooms
from idp.interaction.rooms import here
from idp.recovery.routes import room


@room.route("/recover/limited", methods=["GET", "POST"])
def limited() -> Response:
    """Says from when; where the service would only like more, the person may go on without."""
    proved = here().authentication
    if proved is None or not {"limited", "limited_liked"} & set(here().owed):
        return rooms.door()
    liked = "limited_liked" in here().owed
    if request.method == "POST" and liked:
        here().declined = True
        return rooms.leave()
    known = probation.of(proved.account)
    until = clock.from_timestamp(known.until) if known is not None else None
    return make_response(render_template("recovery/limited.html", until=until, liked=liked))
