"""Yes and no to a recovery: by old contacts, old credentials, two officers, or time; and what each undoes or ends."""

from collections.abc import Callable
from typing import Literal

from idp import accounts, audit, authenticators, clock, notices, sessions
from idp.accounts import Account, ContactTaken, Replaced
from idp.extensions import db
from idp.probation import links, machine, transitions
from idp.probation.machine import Act, Case, Impossible, State
from idp.probation.model import Recovery
from idp.probation.transitions import Moved

TRIES = 5
By = Literal["contact", "password", "passkey", "officers"]


class LinkUsed(Exception):
    """The link has been answered, has expired, or never was one of ours."""


class SameOfficer(Exception):
    """The second signature must be another person's."""


class SignedForSomethingElse(Exception):
    """The first officer signed for the opposite."""


def by_link(token: str, act: Act) -> State:
    """An old contact answers, VETO or AFFIRM; where the recovery stands then. Raises LinkUsed, Impossible."""

    def use_link() -> None:
        if not links.use(token):
            raise LinkUsed

    row = links.recovery_of(token)
    if row is None:
        raise LinkUsed
    return answer(row.id, act, "contact", use_link)


def answer(recovery_id: str, act: Act, by: By, also: Callable[[], None] = lambda: None) -> State:
    """Lets a yes or no happen, whatever races it: of a veto and the end of probation the later one meets the earlier.

    `also` takes part in each try's transaction. Raises Impossible, and what `also` raises.
    """
    for _ in range(TRIES):
        row = transitions.find(recovery_id)
        if row is None:
            raise LinkUsed
        try:
            return _STEPS[act](row, by, also)
        except (Moved, ContactTaken):
            db.session.rollback()
    raise Moved


def sign(row: Recovery, officer: str, act: Act) -> State | None:
    """An officer's signature under APPROVE or UNDO: the first is kept (None), the second lets it happen.

    Raises SameOfficer, SignedForSomethingElse, Impossible, Moved.
    """
    machine.after(row.case, act, clock.timestamp())
    if row.officer is None:
        if not transitions.sign(row, officer, act):
            raise Moved
        audit.record("recovery_signed", account=row.subject, recovery=row.id, act=act.value, first=officer)
        return None
    if row.officer == officer:
        raise SameOfficer
    if row.officer_act != act.value:
        raise SignedForSomethingElse
    return answer(row.id, act, "officers")


def settle_due() -> int:
    """Writes down what time has ended, and tells whoever waits that they may go on; how many recoveries."""
    settled = 0
    for row in transitions.due():
        case = transitions.settle(row)
        if case is not None:
            settled += 1
            _after_time(row.id, case)
    return settled


def _after_time(recovery_id: str, case: Case) -> None:
    row = transitions.find(recovery_id)
    if row is None:
        return
    if case.state is State.FINAL:
        audit.record("probation_ended", account=row.subject, reason="time")
    if case.state is State.READY:
        _tell_ready(row)


def _veto(row: Recovery, by: By, also: Callable[[], None]) -> State:
    account = accounts.find(row.subject)
    present = machine.at(row.case, clock.timestamp()).state
    if account is None:
        raise Impossible(present)
    if present is State.FINAL:
        return _freeze(row, account, also)
    _undo(row, account, Act.VETO, also)
    audit.record("recovery_vetoed", account=row.subject, recovery=row.id, by=by)
    return State.VETOED


def _undo(row: Recovery, account: Account, act: Act, also: Callable[[], None]) -> None:
    def move() -> None:
        also()
        transitions.move(row, act)

    # Before and after, as everywhere: whoever recovered is out before anything else, and nothing slips in between.
    if row.old_password_hash is None:
        move()
        db.session.commit()
    else:
        sessions.end_all(account.subject)
        accounts.restore(account, Replaced(row.old_contacts or [], row.old_password_hash), move)
        sessions.end_all(account.subject)
        authenticators.restore_all(account.subject, row.id)
    _tell_in_use(account.subject)


def _freeze(row: Recovery, account: Account, also: Callable[[], None]) -> State:
    sessions.end_all(account.subject)
    also()
    transitions.move(row, Act.VETO)
    accounts.lock(account, "a recovery was vetoed after its probation")
    sessions.end_all(account.subject)
    audit.record("recovery_frozen", account=row.subject, recovery=row.id)
    old = [contact.value for contact in account.contacts if contact.current or contact.id in (row.old_contacts or [])]
    notices.tell(old, notices.recovery_frozen(clock.now()), row.subject)
    return State.FROZEN


def _affirm(row: Recovery, by: By, also: Callable[[], None]) -> State:
    also()
    return _go_on(row, Act.AFFIRM, by)


def _approve(row: Recovery, by: By, also: Callable[[], None]) -> State:
    also()
    return _go_on(row, Act.APPROVE, by)


def _go_on(row: Recovery, act: Act, by: By) -> State:
    before = machine.at(row.case, clock.timestamp()).state
    to = transitions.move(row, act).state
    db.session.commit()
    audit.record("recovery_affirmed", account=row.subject, recovery=row.id, by=by)
    account = accounts.find(row.subject)
    if before is State.FROZEN and account is not None:
        accounts.unlock(account, "two officers approved the recovery")
    if to is State.READY:
        _tell_ready(transitions.find(row.id) or row)
    elif account is not None:
        audit.record("probation_ended", account=row.subject, reason=by)
        _tell_affirmed(row, account)
    return to


def _undo_signed(row: Recovery, by: By, also: Callable[[], None]) -> State:
    account = accounts.find(row.subject)
    if account is None:
        raise Impossible(State(row.state))
    _undo(row, account, Act.UNDO, also)
    if account.locked:
        accounts.unlock(account, "two officers undid the recovery")
    audit.record("recovery_vetoed", account=row.subject, recovery=row.id, by=by)
    return State.VETOED


def _tell_affirmed(row: Recovery, account: Account) -> None:
    old = [c.value for c in account.contacts if c.id in (row.old_contacts or []) and not c.current]
    notices.tell_each(links.addressed(row, old, lambda url: notices.recovery_affirmed(clock.now(), url)), row.subject)


def _tell_ready(row: Recovery) -> None:
    if row.new_phone is not None:
        notices.tell([row.new_phone], notices.recovery_ready(clock.from_timestamp(row.until)), row.subject)


def _tell_in_use(subject: str) -> None:
    account = accounts.find(subject)
    if account is not None:
        in_use = [contact.value for contact in account.contacts if contact.current]
        notices.tell(in_use, notices.recovery_vetoed(clock.now()), subject)


_STEPS: dict[Act, Callable[[Recovery, By, Callable[[], None]], State]] = {
    Act.VETO: _veto,
    Act.AFFIRM: _affirm,
    Act.APPROVE: _approve,
    Act.UNDO: _undo_signed,
}
