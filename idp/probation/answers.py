"""Yes and no to a recovery: by old contacts, old credentials, two officers, or time; and what each undoes or ends."""

from collections.abc import Callable

from idp import accounts, authenticators, notices
from idp.accounts import Account, ContactTaken, ReplacedCredentials, generations
from idp.audit import trail
from idp.core import clock
from idp.probation import links, state_machine, transitions
from idp.probation.answer_policy import AnsweredBy, allowed_acts
from idp.probation.answerers import answerer
from idp.probation.model import Recovery
from idp.probation.state_machine import Act, Case, ImpossibleAct, State
from idp.probation.transitions import ConcurrentTransition
from idp.storage.unit_of_work import unit_of_work

TRIES = 5


class LinkUsed(Exception):
    """The link has been answered, has expired, or never was one of ours."""


class AnswerRefused(Exception):
    """Whoever answers may not say this (`answer_policy`); nothing was used up."""


class SameOfficer(Exception):
    """The second signature must be another person's."""


class OppositeDecision(Exception):
    """The first officer signed for the opposite."""


def answer_by_link(token: str, act: Act) -> State:
    """An old contact answers, VETO or AFFIRM; where the recovery stands then. Raises LinkUsed, AnswerRefused, Impossible."""

    def use_link() -> None:
        if not links.use(token):
            raise LinkUsed

    row = links.recovery_of(token)
    if row is None:
        raise LinkUsed
    return answer(row.id, act, "contact", use_link, links.contact_index(token))


def possible_answers(row: Recovery, by: AnsweredBy, contact_index: str | None = None) -> frozenset[Act]:
    """What whoever answers so may say now: by the state of the recovery, and by the policy."""
    return state_machine.possible_acts(row.case, clock.timestamp()) & allowed_acts(answerer(row, by, contact_index))


def answer(
    recovery_id: str,
    act: Act,
    by: AnsweredBy,
    also: Callable[[], None] = lambda: None,
    contact_index: str | None = None,
    proved: int | None = None,
) -> State:
    """Lets a yes or no happen, whatever races it: of a veto and the end of probation the later one meets the earlier.

    `also` takes part in each try's unit of work; `contact_index` is the contact's whose link it is; `proved` is the
    account's generation in which who answers showed what they had before. Raises ImpossibleAct, AnswerRefused, Outdated,
    and what `also` raises.
    """
    for _ in range(TRIES):
        row = transitions.find(recovery_id)
        if row is None:
            raise LinkUsed
        if act not in allowed_acts(answerer(row, by, contact_index)):
            raise AnswerRefused
        try:
            with unit_of_work():
                also()
                _leave_generation(row, proved)
                return _STEPS[act](row, by)
        except (ConcurrentTransition, ContactTaken):
            continue
    raise ConcurrentTransition


def _leave_generation(row: Recovery, proved: int | None) -> None:
    """Where the recovery gave power over the account, nothing of before the answer counts after it."""
    gave_power = row.old_password_hash is not None and accounts.find(row.subject) is not None
    if gave_power:
        generations.raise_generation(row.subject, proved)
    elif proved is not None:
        generations.require(row.subject, proved)


def sign_decision(row: Recovery, officer: str, act: Act) -> State | None:
    """An officer's signature under APPROVE or UNDO: the first is kept (None), the second lets it happen.

    Raises SameOfficer, SignedForSomethingElse, Impossible, Moved.
    """
    state_machine.next_case(row.case, act, clock.timestamp())
    if row.officer is None:
        with unit_of_work():
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
    return sum(_record_expired(row) for row in transitions.expired_recoveries())


def _record_expired(row: Recovery) -> bool:
    try:
        with unit_of_work():
            case = transitions.record_expiry(row)
            if case is not None and case.state is State.READY:
                _notify_ready(row, case)
            if case is not None and case.state is State.FINAL:
                trail.record("probation_ended", account=row.subject, reason="time")
    except ConcurrentTransition:
        return False
    return case is not None


def _veto(row: Recovery, by: AnsweredBy) -> State:
    account = accounts.find(row.subject)
    present = state_machine.case_at(row.case, clock.timestamp()).state
    if account is None:
        raise ImpossibleAct(present)
    if present is State.FINAL:
        return _lock_as_disputed(row, account)
    _undo(row, account, Act.VETO)
    trail.record("recovery_vetoed", account=row.subject, recovery=row.id, by=by)
    return State.VETOED


def _undo(row: Recovery, account: Account, act: Act) -> None:
    subject = account.subject
    if row.old_password_hash is not None:
        accounts.undo_recovery(account, ReplacedCredentials(row.old_contacts or [], row.old_password_hash, row.old_acr))
        authenticators.restore_all(subject, row.id, row.completed_at or row.started_at)
        trail.record("authenticators_restored", account=subject, recovery=row.id)
    transitions.move(row, act)
    notices.notify(account.contacts_in_use, notices.recovery_vetoed(clock.now()), subject)


def _lock_as_disputed(row: Recovery, account: Account) -> State:
    subject = account.subject
    transitions.move(row, Act.VETO)
    old = [contact.value for contact in account.contacts if contact.current or contact.id in (row.old_contacts or [])]
    notices.notify(old, notices.recovery_disputed(clock.now()), subject)
    accounts.lock(account, "a recovery was vetoed after its probation")
    trail.record("recovery_frozen", account=subject, recovery=row.id)
    return State.DISPUTED


def _affirm(row: Recovery, by: AnsweredBy) -> State:
    return _go_on(row, Act.AFFIRM, by)


def _approve(row: Recovery, by: AnsweredBy) -> State:
    return _go_on(row, Act.APPROVE, by)


def _go_on(row: Recovery, act: Act, by: AnsweredBy) -> State:
    before, account = state_machine.case_at(row.case, clock.timestamp()).state, accounts.find(row.subject)
    case = transitions.move(row, act)
    trail.record("recovery_affirmed", account=row.subject, recovery=row.id, by=by)
    if before is State.DISPUTED and account is not None:
        accounts.unlock(account, "two officers approved the recovery")
    if case.state is State.READY:
        _notify_ready(row, case)
        return case.state
    _notify_affirmed(row, account)
    if account is not None:
        trail.record("probation_ended", account=row.subject, reason=by)
    return case.state


def _undo_signed(row: Recovery, by: AnsweredBy) -> State:
    account = accounts.find(row.subject)
    if account is None:
        raise ImpossibleAct(State(row.state))
    _undo(row, account, Act.UNDO)
    if account.locked:
        accounts.unlock(account, "two officers undid the recovery")
    trail.record("recovery_vetoed", account=row.subject, recovery=row.id, by=by)
    return State.VETOED


def _notify_affirmed(row: Recovery, account: Account | None) -> None:
    contacts = account.contacts if account is not None else []
    old = [c.value for c in contacts if c.id in (row.old_contacts or []) and not c.current]
    notices.notify_each(links.create_links(row, old, lambda url: notices.recovery_affirmed(clock.now(), url)), row.subject)


def _notify_ready(row: Recovery, case: Case) -> None:
    if row.new_phone is not None:
        notices.notify([row.new_phone], notices.recovery_ready(clock.from_timestamp(case.until)), row.subject)


_STEPS: dict[Act, Callable[[Recovery, AnsweredBy], State]] = {
    Act.VETO: _veto,
    Act.AFFIRM: _affirm,
    Act.APPROVE: _approve,
    Act.UNDO: _undo_signed,
}
