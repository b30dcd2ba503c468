"""What goes wrong at a step of the stores that the seed has chosen: the process dies, a store refuses, Redis forgets."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from sqlalchemy import Engine

# The process is gone before the step. A store refuses this step and the later ones of the deed. The commit happens, and its
# answer is lost. Another Redis takes over that has lost what this deed wrote, or everything. Another deed comes in between.
DIES, SQL_REFUSES, REDIS_REFUSES, UNANSWERED = "dies", "sql refuses", "redis refuses", "commit unanswered"
ROLLED_BACK, LOST, MEANWHILE = "redis rolled back", "redis lost", "meanwhile"
KINDS = (DIES, SQL_REFUSES, REDIS_REFUSES, UNANSWERED, ROLLED_BACK, LOST, MEANWHILE)


class Died(BaseException):
    """The process is gone: nothing of ours catches it, and nothing that it still tries reaches a store."""


@dataclass(frozen=True)
class Fault:
    """Something of KINDS, so many steps (0: none, right before it) after so many commits of a deed."""

    kind: str
    commits: int
    steps: int

    def __str__(self) -> str:
        """As the trace says it."""
        return (
            f"{self.kind} {self.steps} steps after commit {self.commits}"
            if self.steps
            else f"{self.kind} at commit {self.commits}"
        )


class Wire:
    """Counts every step of the application to SQL and Redis, and does at one of them what was asked for."""

    def __init__(self, engine: Engine) -> None:
        """For the SQL database behind this engine, and every Redis of this process."""
        self.engine = engine
        self.silent = 0
        self.strike: Callable[[str], None] = lambda kind: None
        self.begin(None)

    def begin(self, fault: Fault | None) -> None:
        """A deed begins: counts from here."""
        self.armed, self.struck = fault, ""
        self.commits = self.steps = 0
        self.dead = self.sql_refuses = self.redis_refuses = self.unanswered = False
        self.writing = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What happens in the block is no step of a deed."""
        self.silent += 1
        try:
            yield
        finally:
            self.silent -= 1

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Another deed in the block, with a count of its own."""
        kept = {name: value for name, value in vars(self).items() if name not in ("engine", "silent")}
        try:
            yield
        finally:
            vars(self).update(kept)

    @contextmanager
    def tapped(self) -> Iterator[None]:
        """Listens for as long as the block lasts."""
        dialect = self.engine.dialect
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dialect, "do_commit", self._commit(dialect.do_commit))
            patch.setattr(dialect, "do_rollback", self._rollback(dialect.do_rollback))
            for name in ("do_execute", "do_executemany", "do_execute_no_params"):
                patch.setattr(dialect, name, self._execute(getattr(dialect, name)))
            connection: Any = redis.connection.AbstractConnection
            patch.setattr(connection, "send_packed_command", self._send(connection.send_packed_command))
            yield

    def _commit(self, commit: Callable[..., None]) -> Callable[..., None]:
        def committed(connection: Any) -> None:
            if self.silent:
                commit(connection)
                return
            # Where nothing was written there is nothing to lose: only the others are counted as commits.
            self.commits, self.steps = (self.commits + 1, 0) if self.writing else (self.commits, self.steps + 1)
            self._step(sql=True)
            commit(connection)
            self.writing = False
            if self.unanswered:
                self.unanswered = False
                raise self._sql_is_away()

        return committed

    def _rollback(self, rollback: Callable[..., None]) -> Callable[..., None]:
        def rolled_back(connection: Any) -> None:
            if not self.silent:
                self.writing = False
            rollback(connection)

        return rolled_back

    def _execute(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        def executed(cursor: Any, statement: str, *rest: Any) -> Any:
            if not self.silent:
                self.steps += 1
                self._step(sql=True)
                self.writing |= not statement.lstrip().upper().startswith(("SELECT", "PRAGMA"))
            return execute(cursor, statement, *rest)

        return executed

    def _send(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def sent(connection: Any, *command: Any, **options: Any) -> Any:
            if not self.silent:
                self.steps += 1
                self._step(sql=False)
            return send(connection, *command, **options)

        return sent

    def _step(self, *, sql: bool) -> None:
        if self.dead:
            raise Died
        fault = self.armed
        if fault is not None and (self.commits, self.steps) >= (fault.commits, fault.steps) and self._possible(fault):
            self.armed, self.struck = None, fault.kind
            self._happens(fault.kind)
        if self.sql_refuses and sql:
            raise self._sql_is_away()
        if self.redis_refuses and not sql:
            raise redis.ConnectionError("refused by the simulation")

    def _possible(self, fault: Fault) -> bool:
        # Somebody else's deed in the middle of a transaction that has written would wait for it, in this very thread.
        return not (fault.kind == MEANWHILE and self.writing)

    def _happens(self, kind: str) -> None:
        self.sql_refuses |= kind == SQL_REFUSES
        self.redis_refuses |= kind == REDIS_REFUSES
        self.unanswered |= kind == UNANSWERED
        if kind == DIES:
            self.dead = True
            raise Died
        self.strike(kind)

    def _sql_is_away(self) -> Exception:
        error: Exception = self.engine.dialect.loaded_dbapi.OperationalError("refused by the simulation")
        return error


class Behind(Executor):
    """What goes on behind the answers, in the order in which it was begun, once the answer is out: no race but the seed's."""

    def __init__(self) -> None:
        """With nothing to do."""
        self.waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self.at_once = False

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Keeps the work for later, or does it at once for somebody who waits for it."""
        future: Future[Any] = Future()
        self.waiting.append((future, lambda: work(*args, **kwargs)))
        if self.at_once:
            self.run()
        return future

    def run(self) -> None:
        """Does what waits."""
        while self.waiting:
            future, work = self.waiting.popleft()
            try:
                future.set_result(work())
            except Exception as raised:
                future.set_exception(raised)
