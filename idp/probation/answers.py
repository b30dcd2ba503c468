"""Yes and no to a recovery: by old contacts, old credentials, two officers, or time; and what each undoes or ends."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from idp import accounts, authenticators, notices
from idp.accounts import Account, ContactTaken, ReplacedCredentials
from idp.audit import trail
from idp.core import clock
from idp.core.values import EmailAddress, PhoneNumber
from idp.probation import links, state_machine, transitions
from idp.probation.model import Recovery
from idp.probation.state_machine import Act, Case, ImpossibleAct, State
from idp.probation.transitions import ConcurrentTransition
from idp.sessions import single_sign_on
from idp.storage.database import db

TRIES = 5
AnsweredBy = Literal["contact", "password", "passkey", "officers"]


class LinkUsed(Exception):
    """The link has been answered, has expired, or never was one of ours."""


class SameOfficer(Exception):
    """The second signature must be another person's."""


class OppositeDecision(Exception):
    """The first officer signed for the opposite."""


def answer_by_link(token: str, act: Act) -> State:
    """An old contact answers, VETO or AFFIRM; where the recovery stands then. Raises LinkUsed, Impossible."""

    def use_link() -> None:
        if not links.use(token):
            raise LinkUsed

    row = links.recovery_of(token)
    if row is None:
        raise LinkUsed
    return answer(row.id, act, "contact", use_link)


def answer(recovery_id: str, act: Act, by: AnsweredBy, also: Callable[[], None] = lambda: None) -> State:
    """Lets a yes or no happen, whatever races it: of a veto and the end of probation the later one meets the earlier.

    `also` takes part in each try's transaction. Raises Impossible, and what `also` raises.
    """
    for _ in range(TRIES):
        row = transitions.find(recovery_id)
        if row is None:
            raise LinkUsed
        try:
            return _STEPS[act](row, by, also)
        except (ConcurrentTransition, ContactTaken):
            db.session.rollback()
    raise ConcurrentTransition


def sign_decision(row: Recovery, officer: str, act: Act) -> State | None:
    """An officer's signature under APPROVE or UNDO: the first is kept (None), the second lets it happen.

    Raises SameOfficer, SignedForSomethingElse, Impossible, Moved.
    """
    state_machine.next_case(row.case, act, clock.timestamp())
    if row.officer is None:
        if not transitions.record_first_signature(row, officer, act):
            raise ConcurrentTransition
        trail.record("recovery_signed", account=row.subject, recovery=row.id, act=act.value, first=officer)
        return None
    if row.officer == officer:
        raise SameOfficer
    if row.officer_act != act.value:
        raise OppositeDecision
    return answer(row.id, act, "officers")


def record_expired() -> int:
    """Writes down what time has ended, and tells whoever waits that they may go on; how many recoveries."""
    settled = 0
    for row in transitions.expired_recoveries():
        kept: list[str] = []
        case = transitions.record_expiry(row, partial(_enqueue_if_ready, row, kept))
        if case is None:
            continue
        settled += 1
        if case.state is State.FINAL:
            trail.record("probation_ended", account=row.subject, reason="time")
        notices.send(kept)
    return settled


def _enqueue_if_ready(row: Recovery, kept: list[str], case: Case) -> None:
    if case.state is State.READY:
        kept.extend(_enqueue_ready(row, case))


def _veto(row: Recovery, by: AnsweredBy, also: Callable[[], None]) -> State:
    account = accounts.find(row.subject)
    present = state_machine.case_at(row.case, clock.timestamp()).state
    if account is None:
        raise ImpossibleAct(present)
    if present is State.FINAL:
        return _lock_as_disputed(row, account, also)
    _undo(row, account, Act.VETO, also)
    trail.record("recovery_vetoed", account=row.subject, recovery=row.id, by=by)
    return State.VETOED


def _undo(row: Recovery, account: Account, act: Act, also: Callable[[], None]) -> None:
    subject, kept = account.subject, []

    def move() -> None:
        also()
        transitions.move(row, act)
        kept.extend(_enqueue_notice(account.contacts_in_use, notices.recovery_vetoed(clock.now()), subject))

    def move_back() -> None:
        move()
        authenticators.restore_all(subject, row.id, row.completed_at or row.started_at)

    # Before and after, as everywhere: whoever recovered is out before anything else, and nothing slips in between.
    if row.old_password_hash is None:
        move()
        db.session.commit()
    else:
        single_sign_on.end_all(subject)
        accounts.undo_recovery(account, ReplacedCredentials(row.old_contacts or [], row.old_password_hash), move_back)
        single_sign_on.end_all(subject)
        trail.record("authenticators_restored", account=subject, recovery=row.id)
    notices.send(kept)


def _lock_as_disputed(row: Recovery, account: Account, also: Callable[[], None]) -> State:
    subject = account.subject
    single_sign_on.end_all(subject)
    also()
    transitions.move(row, Act.VETO)
    old = [contact.value for contact in account.contacts if contact.current or contact.id in (row.old_contacts or [])]
    kept = _enqueue_notice(old, notices.recovery_disputed(clock.now()), subject)
    accounts.lock(account, "a recovery was vetoed after its probation")  # commits all of it
    single_sign_on.end_all(subject)
    trail.record("recovery_frozen", account=subject, recovery=row.id)
    notices.send(kept)
    return State.DISPUTED


def _affirm(row: Recovery, by: AnsweredBy, also: Callable[[], None]) -> State:
    also()
    return _go_on(row, Act.AFFIRM, by)


def _approve(row: Recovery, by: AnsweredBy, also: Callable[[], None]) -> State:
    also()
    return _go_on(row, Act.APPROVE, by)


def _go_on(row: Recovery, act: Act, by: AnsweredBy) -> State:
    before, account = state_machine.case_at(row.case, clock.timestamp()).state, accounts.find(row.subject)
    case = transitions.move(row, act)
    ready = case.state is State.READY
    kept = _enqueue_ready(row, case) if ready else _enqueue_affirmed(row, account)
    db.session.commit()
    trail.record("recovery_affirmed", account=row.subject, recovery=row.id, by=by)
    if before is State.DISPUTED and account is not None:
        accounts.unlock(account, "two officers approved the recovery")
    if not ready and account is not None:
        trail.record("probation_ended", account=row.subject, reason=by)
    notices.send(kept)
    return case.state


def _undo_signed(row: Recovery, by: AnsweredBy, also: Callable[[], None]) -> State:
    account = accounts.find(row.subject)
    if account is None:
        raise ImpossibleAct(State(row.state))
    _undo(row, account, Act.UNDO, also)
    if account.locked:
        accounts.unlock(account, "two officers undid the recovery")
    trail.record("recovery_vetoed", account=row.subject, recovery=row.id, by=by)
    return State.VETOED


def _enqueue_affirmed(row: Recovery, account: Account | None) -> list[str]:
    contacts = account.contacts if account is not None else []
    old = [c.value for c in contacts if c.id in (row.old_contacts or []) and not c.current]
    said = links.create_links(row, old, lambda url: notices.recovery_affirmed(clock.now(), url))
    return notices.enqueue_each(said, row.subject, db.session.connection())


def _enqueue_ready(row: Recovery, case: Case) -> list[str]:
    if row.new_phone is None:
        return []
    return _enqueue_notice([row.new_phone], notices.recovery_ready(clock.from_timestamp(case.until)), row.subject)


def _enqueue_notice(contacts: list[PhoneNumber | EmailAddress], notice: notices.Notice, subject: str) -> list[str]:
    """In the transaction of what it tells about, so that no crash loses it; the ids of what is to be sent after it."""
    return notices.enqueue(contacts, notice, subject, db.session.connection())


_STEPS: dict[Act, Callable[[Recovery, AnsweredBy, Callable[[], None]], State]] = {
    Act.VETO: _veto,
    Act.AFFIRM: _affirm,
    Act.APPROVE: _approve,
    Act.UNDO: _undo_signed,
}
