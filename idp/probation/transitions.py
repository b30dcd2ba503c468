"""Every step of a recovery in SQL: compare-and-set on the state that was seen, in the caller's unit of work."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from idp.core import clock, crypto
from idp.probation import state_machine
from idp.probation.model import Recovery
from idp.probation.state_machine import Act, Case, State
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work

ENDS = frozenset({State.FINAL, State.DISPUTED, State.VETOED, State.CANCELLED, State.EXPIRED})
EXPIRY_BATCH = 200


class ConcurrentTransition(Exception):
    """Another request has moved the recovery on meanwhile; nothing was written: look again."""


def create(subject: str, nik_index: str, *, self_service: bool, **known: Any) -> Recovery:
    """Writes a recovery that has just started; `subject` is empty where the NIK has no account."""
    case = state_machine.started_case(clock.timestamp())
    row = Recovery(
        id=f"r{crypto.random_token(16)}", subject=subject, nik_index=nik_index, state=case.state.value, self_service=self_service,
        started_at=case.started_at, until=case.until, **known,
    )  # fmt: skip
    with unit_of_work():
        db.session.add(row)
        db.session.flush()
        return _detached([row])[0]


def find(recovery_id: str) -> Recovery | None:
    """The recovery as it is now."""
    return next(iter(_detached(db.session.scalars(select(Recovery).where(Recovery.id == recovery_id)))), None)


def current_case(row: Recovery) -> Case:
    """Where the recovery stands now, by time too."""
    return state_machine.case_at(row.case, clock.timestamp())


def open_of(subject: str) -> Recovery | None:
    """The one open recovery of an account, if its state has not ended by time meanwhile."""
    wanted = select(Recovery).where(Recovery.subject == subject, Recovery.state.in_([s.value for s in state_machine.OPEN]))
    row = next(iter(_detached(db.session.scalars(wanted))), None)
    return row if row is not None and current_case(row).state in state_machine.OPEN else None


def disputed_recovery(subject: str) -> Recovery | None:
    """The account's recovery that officers have to decide about."""
    wanted = select(Recovery).where(Recovery.subject == subject, Recovery.state == State.DISPUTED.value)
    return next(iter(_detached(db.session.scalars(wanted.limit(1)))), None)


def undecided(subject: str | None = None) -> list[Recovery]:
    """Recoveries that are open or frozen, oldest first; of one account all that are kept."""
    stands = [state.value for state in (*state_machine.OPEN, State.DISPUTED)]
    which = Recovery.subject == subject if subject else Recovery.state.in_(stands)
    return _detached(db.session.scalars(select(Recovery).where(which).order_by(Recovery.started_at)))


def move(row: Recovery, act: Act, stays: int = 0, **changes: Any) -> Case:
    """Lets the act happen to the recovery as it was seen in `row`; the caller commits.

    Raises Impossible, and Moved when another was quicker: of two acts that race, SQL lets one through.
    """
    seen, now = row.case, clock.timestamp()
    to = state_machine.next_case(seen, act, now, stays)
    _write(row, seen, to, now, changes)
    return to


def record_expiry(row: Recovery) -> Case | None:
    """Writes down what time has done to the recovery, in the caller's transaction; None when that was nothing.

    Raises Moved when another was quicker.
    """
    seen, now = row.case, clock.timestamp()
    present = state_machine.case_at(seen, now)
    if present == seen:
        return None
    _write(row, seen, present, now, {})
    return present


def expired_recoveries() -> list[Recovery]:
    """Recoveries whose state has ended by time, and nobody has written it down yet."""
    now = clock.timestamp()
    over = (Recovery.until > 0) & (Recovery.until <= now)
    by_itself = or_(Recovery.state != State.WAITING.value, Recovery.self_service)
    return _detached(db.session.scalars(select(Recovery).where(over, by_itself).limit(EXPIRY_BATCH)))


def record_first_signature(row: Recovery, officer: str, act: Act) -> bool:
    """The first of two signatures; False when somebody has signed already."""
    unsigned = (Recovery.id == row.id) & (Recovery.state == row.state) & Recovery.officer.is_(None)
    with unit_of_work():
        written = db.session.execute(update(Recovery).where(unsigned).values(officer=officer, officer_act=act.value))
    return bool(written.rowcount)  # type: ignore[attr-defined]


def _detached(rows: Iterable[Recovery]) -> list[Recovery]:
    """Takes the rows out of the session: nothing reads them anew, so that what was decided by them is what is compared."""
    seen = list(rows)
    for row in seen:
        db.session.refresh(row)
        db.session.expunge(row)
    return seen


def _write(row: Recovery, seen: Case, to: Case, now: int, changes: dict[str, Any]) -> None:
    unchanged = (Recovery.id == row.id) & (Recovery.state == seen.state.value) & (Recovery.until == seen.until)
    ended = {"ended_at": now} if to.state in ENDS else {}
    signatures = {"officer": None, "officer_act": None}  # they were for the state that is left
    values = {"state": to.state.value, "until": to.until, **signatures, **ended, **changes}
    change = update(Recovery).where(unchanged).values(values).execution_options(synchronize_session=False)
    try:
        written = db.session.execute(change)
    except IntegrityError:  # another recovery of this account is open
        raise ConcurrentTransition from None
    if written.rowcount != 1:  # type: ignore[attr-defined]
        raise ConcurrentTransition
