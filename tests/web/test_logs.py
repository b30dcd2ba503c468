"""Logs: one line a fact, found again by the reference of an error page, with nobody and nothing dangerous in it."""

import io
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from flask import Flask

from idp.core import background
from idp.core.printable import printable, without_personal
from idp.maintenance import schedule
from idp.web import logs

log = structlog.get_logger("idp.tests")
ESCAPES = "\x1b]0;mine\x07 \x9b31m red \r\nlevel=error forged \u202e\u2028"
NIK = "9901015708900001"


class Terminal(io.StringIO):
    """A developer's terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    """Everything logged since it was last asked for, each line read as JSON; nothing of it goes to standard output."""
    capsys.readouterr()

    def read() -> list[dict[str, Any]]:
        captured = capsys.readouterr()
        assert captured.out == ""
        return [json.loads(line) for line in captured.err.splitlines()]

    return read


@pytest.fixture(autouse=True)
def as_before(app: Flask) -> Iterator[None]:
    """Other tests log as they did."""
    yield
    logs.configure(app.extensions["idp.settings"])


def test_every_line_of_a_request_has_the_reference_of_its_page(app: Flask, lines: Any) -> None:
    """H1: the number on an error page leads to the lines of its request, with endpoint and worker."""
    answer = app.test_client().get("/authorize?client_id=nobody")
    (line,) = lines()
    assert line["reference"] in answer.get_data(as_text=True)
    assert re.fullmatch(r"\d{10}", line["reference"])
    assert (line["event"], line["level"], line["logger"]) == ("error_page", "info", "idp.web.error_pages")
    assert (line["endpoint"], line["worker"]) == ("oidc.authorize", os.getpid())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"])


def test_work_behind_the_answer_is_found_by_the_same_reference(app: Flask, lines: Any) -> None:
    """H1: what fails after the answer was sent is traced to it."""
    with app.test_request_context("/authorize"):
        known = structlog.get_logger("idp.tests")
        known.info("before")
        background.start(known.info, "behind").result(10)
    before, behind = lines()
    assert behind["event"] == "behind"
    assert behind["reference"] == before["reference"]
    with app.app_context():
        background.start(known.info, "of nobody").result(10)
    assert "reference" not in lines()[0]


@pytest.mark.parametrize(("level", "said"), [
    ("debug", ["debug", "info", "warning", "error"]), ("info", ["info", "warning", "error"]),
    ("warning", ["warning", "error"]), ("error", ["error"]),
])  # fmt: skip
def test_the_level_is_the_operators(make_app: Any, lines: Any, level: str, said: list[str]) -> None:
    """H1: IDP_LOG_LEVEL has an effect."""
    make_app(log_level=level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("something")
    assert [line["level"] for line in lines()] == said


@pytest.mark.parametrize("library", ["authlib.oauth2", "sqlalchemy.engine.Engine", "httpx", "werkzeug", "redis", "of.tomorrow"])
def test_libraries_tell_no_values_whatever_the_level(make_app: Any, lines: Any, library: str) -> None:
    """H1: at `debug` libraries print tokens, SQL parameters and URLs with codes: they speak from `warning` on."""
    make_app(log_level="debug")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger(library).log(level, "a line of %s", library)
    (line,) = lines()
    assert (line["level"], line["logger"], line["event"]) == ("warning", library, f"a line of {library}")


def test_lines_are_json_but_on_a_developers_terminal(make_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """H1: production logged in a developer's format."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    app = make_app()
    log.info("something", number=7)
    assert "something" in shown.getvalue()
    with pytest.raises(ValueError, match="JSON|Expecting|Extra"):
        json.loads(shown.getvalue())
    shown.truncate(0)
    shown.seek(0)
    logs.configure(app.extensions["idp.settings"].model_copy(update={"environment": "production"}))
    log.info("something", number=7)
    assert json.loads(shown.getvalue())["number"] == 7


@pytest.mark.parametrize("terminal", [True, False], ids=["console", "json"])
def test_strangers_cannot_steer_a_terminal_nor_forge_a_line(make_app: Any, monkeypatch: Any, terminal: bool) -> None:
    """S21: control characters, escapes and line feeds of strangers are written out, in names, values and messages."""
    shown = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    make_app()
    written = len(shown.getvalue())
    log.info(ESCAPES, value=ESCAPES, deep={ESCAPES: [ESCAPES]}, **{ESCAPES: "name"})
    logging.getLogger("a.library").warning("It says %s", ESCAPES)
    said = re.sub(r"\x1b\[\d*m", "", shown.getvalue()[written:])  # our own colours
    assert said.count("\n") == 2
    assert said.replace("\n", "").isprintable()


def test_nobody_is_in_a_line(make_app: Any, lines: Any) -> None:
    """H1: what looks like a NIK, a number or an address is taken out, an exception tells its type and place only."""
    make_app()
    log.info("sent", to="siti@contoh.example", phone="+6281234567890", text=f"nik={NIK}.", delivery="1234567890")
    try:
        raise ValueError(f"no such value: {NIK} Siti Nurhaliza")
    except ValueError:
        log.exception("unforeseen")
        logging.getLogger("a.library").exception("Broken:\nValueError: Siti Nurhaliza")
    sent, ours, theirs = lines()
    assert (sent["to"], sent["phone"], sent["text"]) == ("withheld", "withheld", "nik=withheld.")
    assert sent["delivery"] == "1234567890"
    for line in (ours, theirs):
        assert line["kind"] == "ValueError"
        assert re.fullmatch(r"test_logs\.py:\d+", line["trace"][-1])
        assert "Siti" not in str(line)


def test_an_object_is_told_by_its_type(make_app: Any, lines: Any) -> None:
    """A repr might tell what it holds."""
    app = make_app()
    log.info("odd", thing=app.extensions["idp.secrets"], text=b"secret", many={1, 2}, yes=True)
    (line,) = lines()
    assert (line["thing"], line["text"], line["many"], line["yes"]) == ("<Secrets>", "<bytes>", [1, 2], True)


def test_an_unforeseen_error_names_its_place(make_app: Any, lines: Any) -> None:
    """The page has a reference and nothing else; the log has type and way."""
    app = make_app()
    app.config["PROPAGATE_UNFORESEEN"] = False
    app.add_url_rule("/broken", view_func=lambda: {}[NIK], endpoint="broken")
    answer = app.test_client().get("/broken")
    unforeseen, page = lines()
    assert answer.status_code == 500
    assert (unforeseen["event"], unforeseen["kind"], unforeseen["endpoint"]) == ("unforeseen", "KeyError", "broken")
    assert unforeseen["trace"][-1].startswith("test_logs.py:")
    assert unforeseen["reference"] == page["reference"]
    assert NIK not in str((unforeseen, page))


def test_a_thread_that_dies_is_told(make_app: Any, lines: Any) -> None:
    """Python would print the exception's words."""
    make_app()

    def dies() -> None:
        raise ValueError(NIK)

    thread = threading.Thread(target=dies, name="chore")
    thread.start()
    thread.join()
    (line,) = lines()
    assert (line["event"], line["thread"], line["kind"]) == ("thread_died", "chore", "ValueError")
    assert NIK not in str(line)


def test_a_chore_that_fails_unforeseen_is_told_and_done_again(make_app: Any, lines: Any) -> None:
    """One slip must not end retention or the delivery of notices for as long as the process lives."""
    stop, times = threading.Event(), []

    def chore() -> None:
        times.append(1)
        if len(times) == 2:
            stop.set()
        raise ZeroDivisionError(NIK)

    thread = schedule._every(0.001, chore, make_app(), stop)
    thread.join(60)
    assert [line["event"] for line in lines()] == ["chore_failed"] * 2


def test_an_unknown_client_id_is_not_kept(app: Flask, lines: Any) -> None:
    """S21: it is a stranger's text; a person may have typed anything there."""
    for text in (NIK, ESCAPES, "Siti Nurhaliza"):
        app.test_client().get("/authorize", query_string={"client_id": text, "response_type": "code"})
    assert [line["client_id"] for line in lines()] == ["unknown"] * 3
    app.test_client().get("/authorize", query_string={"client_id": "wlkp", "redirect_uri": "https://elsewhere.example/"})
    assert lines()[0]["client_id"] == "wlkp"


@pytest.mark.parametrize(("text", "shown"), [
    ("plain, and Café Ñ 姓名", "plain, and Café Ñ 姓名"), ("\x1b[31m", r"\x1b[31m"), ("a\r\nb\t", r"a\r\nb\t"),
    ("\x9b", r"\x9b"), ("\u202egnp", r"\u202egnp"), ("\ud800", r"\ud800"), ("\u2028", r"\u2028"),
])  # fmt: skip
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    """S21."""
    assert printable(text) == shown


@pytest.mark.parametrize(("text", "shown"), [
    ("f482913c482913c482913", "f482913c482913c482913"), ("to 081234567890!", "to withheld!"), ("a@b.example x", "withheld x"),
])  # fmt: skip
def test_what_looks_personal_is_taken_out(text: str, shown: str) -> None:
    assert without_personal(text) == shown
