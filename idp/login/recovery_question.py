"""Asks whoever signs in with what a recovery suspended, or while one waits: «Apakah ini Anda?»"""

from collections.abc import Callable

from flask import Response, make_response, render_template, request, url_for

from idp.accounts import Outdated
from idp.authenticators import WrongFactor, totp
from idp.core import clock
from idp.core.languages import _
from idp.interaction import rooms
from idp.interaction.rooms import current_interaction
from idp.login.forms import OldAppForm
from idp.login.routes import RECOVERY_QUESTION_NOTES, room
from idp.probation import answers, state_machine, transitions
from idp.probation.answer_policy import AnsweredBy
from idp.probation.answers import AnswerRefused
from idp.probation.model import Recovery
from idp.probation.state_machine import Act, ImpossibleAct, State
from idp.web import urls

ANSWERS = {"no": Act.VETO, "yes": Act.AFFIRM}


@room.route("/login/recovery", methods=["GET", "POST"])
def recovering() -> Response:
    """The question, and what came of the answer."""
    notes = current_interaction().draft(RECOVERY_QUESTION_NOTES)
    row = transitions.find(notes["recovery"]) if "recovery" in notes else None
    if row is None:
        return rooms.redirect_to_next_step()
    if "outcome" in notes:
        return _page("answered", state=notes["outcome"])
    act = ANSWERS.get(request.form.get("answer", "")) if request.method == "POST" else None
    if act is None:
        return _asked(row, notes["by"])
    try:
        shown = _give_app_back(row) if notes["by"] == "app" and act is Act.AFFIRM else lambda: None
        outcome = answers.answer(row.id, act, notes["by"], shown, proved=notes["generation"]).value
    except AnswerRefused:
        return _asked(row, notes["by"], refused=True)
    except Outdated:
        # What was shown here belongs to an account of before: whoever is asked signs in anew.
        current_interaction().put_draft(RECOVERY_QUESTION_NOTES, {})
        return rooms.save_and_continue()
    except ImpossibleAct as over:
        outcome = over.state.value
    current_interaction().put_draft(RECOVERY_QUESTION_NOTES, notes | {"outcome": outcome})
    current_interaction().save()
    return urls.see_other(url_for("login.recovering"))


@room.route("/login/recovery/app", methods=["POST"])
def show_old_app() -> Response:
    """The code of the app of before, beside the old password: together they say yes too."""
    notes, form = current_interaction().draft(RECOVERY_QUESTION_NOTES), OldAppForm()
    row = transitions.find(notes["recovery"]) if "recovery" in notes else None
    if row is None or notes["by"] != "password" or "outcome" in notes:
        return rooms.redirect_to_next_step()
    if not form.validate():
        return _asked(row, notes["by"], form)
    try:
        totp.verify(row.subject, form.code.data or "", _suspended_by(row))
    except WrongFactor:
        form.code.errors = [_("Kode tidak cocok. Masukkan 6 angka yang sedang tampil di aplikasi.")]
        return _asked(row, notes["by"], form)
    current_interaction().put_draft(RECOVERY_QUESTION_NOTES, notes | {"by": "app"})
    current_interaction().save()
    return urls.see_other(url_for("login.recovering"))


def _suspended_by(row: Recovery) -> str:
    """The key under which the app of before waits; empty while nothing is suspended yet."""
    return row.id if transitions.current_case(row).state is State.PROVISIONAL else ""


def _give_app_back(row: Recovery) -> Callable[[], None]:
    """What its owner has shown is theirs again, with the yes itself; what nobody showed stays suspended."""
    return lambda: totp.restore(row.subject, row.id)


def _asked(row: Recovery, by: AnsweredBy, form: OldAppForm | None = None, *, refused: bool = False) -> Response:
    case = transitions.current_case(row)
    possible = answers.possible_answers(row, by)
    if case.state not in state_machine.OPEN:
        return _page("answered", state=case.state.value)
    affirmable = Act.AFFIRM in possible
    app = by == "password" and not affirmable and totp.is_enrolled(row.subject, _suspended_by(row))
    return _page(
        "ask",
        409 if refused else 422 if form is not None else 200,
        form=form or (OldAppForm(formdata=None) if app else None),
        refused=refused,
        waits=case.state is not State.PROVISIONAL,
        affirmable=affirmable,
        at=clock.from_timestamp(row.completed_at or row.started_at),
        phone=row.new_phone.masked if row.new_phone else None,
    )


def _page(name: str, status: int = 200, **context: object) -> Response:
    return make_response(render_template(f"login/recovery_{name}.html", **context), status)
