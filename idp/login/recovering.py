"""Asks whoever signs in with what a recovery suspended, or while one waits: «Apakah ini Anda?»"""

from flask import Response, make_response, render_template, request, url_for

from idp.core import clock
from idp.interaction import rooms
from idp.interaction.rooms import here
from idp.login.routes import ASKED, room
from idp.probation import answers, machine, transitions
from idp.probation.machine import Act, Impossible, State
from idp.probation.model import Recovery
from idp.web import urls

ANSWERS = {"no": Act.VETO, "yes": Act.AFFIRM}


@room.route("/login/recovery", methods=["GET", "POST"])
def recovering() -> Response:
    """The question, and what came of the answer."""
    notes = here().draft(ASKED)
    row = transitions.find(notes["recovery"]) if "recovery" in notes else None
    if row is None:
        return rooms.door()
    if "outcome" in notes:
        return _page("answered", state=notes["outcome"])
    act = ANSWERS.get(request.form.get("answer", "")) if request.method == "POST" else None
    if act is None:
        return _asked(row)
    try:
        outcome = answers.answer(row.id, act, notes["by"]).value
    except Impossible as over:
        outcome = over.state.value
    here().keep(ASKED, notes | {"outcome": outcome})
    here().save()
    return urls.see_other(url_for("login.recovering"))


def _asked(row: Recovery) -> Response:
    case = transitions.present(row)
    possible = machine.possible(case, clock.timestamp())
    if case.state not in machine.OPEN:
        return _page("answered", state=case.state.value)
    return _page(
        "ask",
        waits=case.state is not State.PROVISIONAL,
        affirmable=Act.AFFIRM in possible,
        at=clock.from_timestamp(row.completed_at or row.started_at),
        phone=row.new_phone.masked if row.new_phone else None,
    )


def _page(name: str, **context: object) -> Response:
    return make_response(render_template(f"login/recovery_{name}.html", **context))
