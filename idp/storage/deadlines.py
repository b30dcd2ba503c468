"""Connections to PostgreSQL whose every wait has an end: a server that hangs answers nobody, and no timeout of its own helps."""

from typing import Any

import psycopg
from flask import has_request_context
from psycopg import errors
from sqlalchemy import Engine

from idp.storage.silence import Silence

IN_A_REQUEST, BESIDE = 3.0, 15.0  # seconds without an answer; beside requests the server's own 10 seconds come first


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose every wait has an end; one that was waited for in vain is closed, for nobody knows its state."""

    silence: Silence
    lasting = False  # for migrations, which take as long as the tables are large

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """What the server answers; raises OperationalError when that takes too long, or lately did for somebody else."""
        if self.lasting:
            return super().wait(gen, interval, timeout)
        if self.silence.turns_away():
            self.pgconn.finish()
            raise psycopg.OperationalError("the server was silent just now")
        try:
            answer = super().wait(gen, interval, timeout or (IN_A_REQUEST if has_request_context() else BESIDE))
        except errors._WaitTimeout:
            self.silence.begins()
            self.pgconn.finish()
            raise psycopg.OperationalError("the server is silent") from None
        self.silence.ends()
        return answer


def set_deadlines(engine: Engine) -> None:
    """Makes every connection of this engine such a one. SQLAlchemy's dialect asks psycopg for its plain class by name, and the
    event `do_connect` belongs to whoever listens first: so the step of the dialect itself is replaced."""
    silence = Silence()

    def connect(*arguments: Any, **options: Any) -> DeadlineConnection:
        if silence.turns_away():
            raise psycopg.OperationalError("the server was silent just now")
        try:
            opened = DeadlineConnection.connect(*arguments, **options)
        except errors.ConnectionTimeout:
            silence.begins()
            raise
        silence.ends()
        opened.silence = silence
        return opened

    engine.dialect.connect = connect  # type: ignore[method-assign, assignment]
