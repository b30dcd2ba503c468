"""The pages behind the links in notices of a recovery: GET asks «Apakah ini Anda?», POST acts; nobody is signed in here."""

from flask import Blueprint, Response, make_response, render_template, request

from idp.core import clock
from idp.probation import answers, links, state_machine, transitions
from idp.probation.answers import AnswerRefused, LinkUsed
from idp.probation.model import Recovery
from idp.probation.state_machine import Act, ImpossibleAct, State

pages = Blueprint("veto", __name__)
ANSWERS = {"no": Act.VETO, "yes": Act.AFFIRM}


@pages.route(f"{links.PATH}<token>", methods=["GET", "POST"])
def ask(token: str) -> Response:
    """Whether it was them. Looking changes nothing, so that scanners of links do nothing; one press counts."""
    row = links.recovery_of(token)
    if row is None:
        return _page("used", 410)
    act = ANSWERS.get(request.form.get("answer", "")) if request.method == "POST" else None
    if act is None:
        return _asked(row, links.contact_index(token))
    try:
        state = answers.answer_by_link(token, act)
    except LinkUsed:
        return _page("used", 410)
    except AnswerRefused:
        return _asked(row, links.contact_index(token), refused=True)
    except ImpossibleAct as over:
        return _page("over", 409, state=over.state.value)
    return _page("answered", state=state.value)


def _asked(row: Recovery, contact_index: str | None, *, refused: bool = False) -> Response:
    case = transitions.current_case(row)
    possible = answers.possible_answers(row, "contact", contact_index)
    if Act.VETO not in state_machine.possible_acts(case, clock.timestamp()):
        return _page("over", 409 if refused else 200, state=case.state.value)
    # Before the code was right there is nothing yet that a yes could be about: it might be said to somebody else's attempt.
    return _page(
        "ask",
        409 if refused else 200,
        refused=refused,
        vetoable=Act.VETO in possible,
        state=case.state.value,
        started=case.state is State.STARTED,
        affirmable=Act.AFFIRM in possible,
        at=clock.from_timestamp(row.completed_at or row.started_at),
        phone=row.new_phone.masked if row.new_phone else None,
    )


def _page(name: str, status: int = 200, **context: object) -> Response:
    return make_response(render_template(f"recovery/veto/{name}.html", **context), status)
