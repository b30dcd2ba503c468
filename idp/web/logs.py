"""Logs: one line for each fact, on standard error, JSON for machines or in columns for a developer's terminal."""

import logging
import os
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog
from flask import has_request_context, request

from idp.core.printable import printable, without_personal
from idp.core.settings import Settings
from idp.web.requests import reference

Line = MutableMapping[str, Any]

# Libraries speak from WARNING on, whatever our own level: below it they print what they carry (SQL with its values, token
# responses, addresses with their codes), and that may be a person's.
LIBRARIES = logging.WARNING
CHATTERS = ("authlib", "httpx", "httpcore", "sqlalchemy", "werkzeug", "redis", "webauthn", "alembic", "asyncio")
# Ours, drawn at random or counted: digits in them are nobody's number.
OURS = frozenset({"timestamp", "level", "logger", "worker", "reference", "delivery"})
# What granian is told: its lines go up to the root logger as everybody's do, and requests are not logged (their URLs
# hold codes and states).
GRANIAN: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "handlers": {},
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "propagate": False, "level": "CRITICAL"},
    },
}


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to standard error as it is at the moment of writing."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the line where standard error goes now."""
        self.stream = sys.stderr
        super().emit(record)


def configure(known: Settings) -> None:
    """Sets level and form of every line of this process: ours, and those of libraries. Calling it again changes them."""
    if not isinstance(structlog.get_config()["logger_factory"], structlog.stdlib.LoggerFactory):
        structlog.configure(
            processors=[structlog.stdlib.filter_by_level, *_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=False,  # tests look at lines by exchanging the processors
        )
    _set_levels(known.log_level)
    _handler().setFormatter(_formatter(in_json=known.production or not _is_terminal()))
    threading.excepthook = _thread_died


def _set_levels(ours: str) -> None:
    logging.getLogger().setLevel(LIBRARIES)
    for name in CHATTERS:
        logging.getLogger(name).setLevel(LIBRARIES)
    logging.getLogger("idp").setLevel(ours.upper())


def _handler() -> StandardError:
    root = logging.getLogger()
    known = next((handler for handler in root.handlers if isinstance(handler, StandardError)), None)
    if known is None:
        known = StandardError()
        root.addHandler(known)
    return known


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def _formatter(*, in_json: bool) -> logging.Formatter:
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=lambda line, **_: orjson.dumps(line).decode())
        if in_json
        else structlog.dev.ConsoleRenderer(colors=_is_terminal())
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_first_line, *_shared()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _make_safe, renderer],
    )


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request,
        _tell_exceptions_by_type,
    ]


def _add_request(_: Any, __: str, line: Line) -> Line:
    """Which worker says it, and while answering what: the reference on an error page leads to every line of its request."""
    line["worker"] = os.getpid()
    if has_request_context():
        line.setdefault("reference", reference())
        line.setdefault("endpoint", request.endpoint)
    return line


def _tell_exceptions_by_type(_: Any, __: str, line: Line) -> Line:
    # An exception's text may hold personal data (SQL parameters): its type and the way to it are told, never its words.
    told = line.pop("exc_info", None)
    if told is True:
        told = sys.exc_info()
    problem = told[1] if isinstance(told, tuple) else told
    if isinstance(problem, BaseException):
        line["kind"] = type(problem).__name__
        line["trace"] = trace(problem.__traceback__)
    line.pop("stack_info", None)
    return line


def trace(tb: TracebackType | None) -> list[str]:
    """The way to where an exception was raised, outermost first, as `file.py:line`."""
    return [f"{Path(frame.f_code.co_filename).name}:{number}" for frame, number in walk_tb(tb)]


def _first_line(_: Any, __: str, line: Line) -> Line:
    # Behind the first line of a library's message stands a traceback, with the exception's words in it.
    line["event"] = str(line.get("event", "")).partition("\n")[0]
    return line


def _make_safe(_: Any, __: str, line: Line) -> Line:
    return {printable(str(name)): _safe(str(name), value) for name, value in line.items()}


def _safe(name: str, value: Any) -> Any:
    """A value that can be shown: strangers' words escaped, what looks personal taken out, objects told by type alone."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return printable(str(value) if name in OURS else without_personal(str(value)))
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(name, each) for each in value]
    if isinstance(value, dict):
        return {printable(str(key)): _safe(str(key), each) for key, each in value.items()}
    return f"<{type(value).__name__}>"


def _thread_died(what: threading.ExceptHookArgs) -> None:
    told = (what.exc_type, what.exc_value, what.exc_traceback)
    structlog.get_logger(__name__).error("thread_died", thread=what.thread.name if what.thread else None, exc_info=told)
