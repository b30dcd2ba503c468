"""One unit of work: a change, what is told of it and what is audited, in one SQL transaction; what follows comes after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from idp.storage.database import db

log = structlog.get_logger()

Step = Callable[[], object]
_OPEN = "unit_of_work"  # where the session of the request keeps the unit that is open


class NestedUnitFailed(Exception):
    """A unit inside this one failed and its failure was swallowed: half a change is never committed (fails closed)."""


@dataclass(slots=True)
class UnitOfWork:
    """What belongs to the transaction that is open now, besides its rows."""

    failed: bool = False
    _seen: set[str] = field(default_factory=set)
    _before_commit: list[Step] = field(default_factory=list)
    _after_commit: list[Step] = field(default_factory=list)
    _after_rollback: list[Step] = field(default_factory=list)

    def first(self, name: str) -> bool:
        """Whether nobody has said this name to the unit before: what need happen once in a transaction happens once."""
        known = name in self._seen
        self._seen.add(name)
        return not known

    def before_commit(self, step: Step) -> None:
        """Runs `step` when all rows are written, just before the commit; what it raises undoes the whole unit."""
        self._before_commit.append(step)

    def after_commit(self, step: Step) -> None:
        """Runs `step` once the transaction is committed, and never otherwise. Its failure is logged by type and stops no
        other step: what must not be lost is kept in the transaction itself, as a message of the outbox."""
        self._after_commit.append(step)

    def after_rollback(self, step: Step) -> None:
        """Runs `step` once nothing of the transaction can happen any more. Where a commit was sent and its outcome is not
        known, the step does not run."""
        self._after_rollback.append(step)

    def close(self) -> None:
        """Runs what comes before the commit; raises NestedUnitFailed, and whatever a step raises."""
        if self.failed:
            raise NestedUnitFailed
        db.session.flush()
        for step in self._before_commit:
            step()

    def committed(self) -> None:
        """Runs what comes after the commit."""
        _run_each(self._after_commit)

    def rolled_back(self) -> None:
        """Runs what comes after the transaction was undone."""
        _run_each(self._after_rollback)


def current_unit() -> UnitOfWork | None:
    """The unit that is open on this request's session; None when every statement commits by itself."""
    found: UnitOfWork | None = db.session.info.get(_OPEN)
    return found


@contextmanager
def unit_of_work() -> Iterator[UnitOfWork]:
    """Opens a unit, or joins the one that is open: the outermost commits all of it, or an exception leaves nothing behind.

    Raises what the block raises, NestedUnitFailed, and what SQLAlchemy raises at the commit.
    """
    outer = current_unit()
    if outer is not None:
        yield from _joined(outer)
        return
    unit = UnitOfWork()
    session = db.session()
    session.info[_OPEN] = unit
    try:
        yield from _committed(unit)
    finally:
        session.info.pop(_OPEN, None)
    unit.committed()


@contextmanager
def transaction() -> Iterator[Connection]:
    """A connection whose writes are part of the unit that is open; without one they commit at the end of the block.

    Whoever writes on a connection of its own inside a unit waits for that very unit on SQLite, and is not undone with it.
    """
    if current_unit() is not None:
        yield db.session.connection()
        return
    with db.engine.begin() as connection:
        yield connection


def _joined(outer: UnitOfWork) -> Iterator[UnitOfWork]:
    try:
        yield outer
    except BaseException:
        outer.failed = True
        raise


def _committed(unit: UnitOfWork) -> Iterator[UnitOfWork]:
    sent = False
    try:
        yield unit
        unit.close()
        sent = True
        db.session.commit()
    except BaseException as problem:
        db.session.rollback()
        # A commit that was sent and not answered may still happen, unless the database itself refused it.
        if not sent or isinstance(problem, IntegrityError):
            unit.rolled_back()
        raise


def _run_each(steps: list[Step]) -> None:
    for step in steps:
        try:
            step()
        except Exception as problem:
            log.error("step_after_transaction_failed", kind=type(problem).__name__)
