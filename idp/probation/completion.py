"""What a completed recovery does to an account: by its risk it becomes provisional or waits; a new code ends the wait."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from idp import accounts, authenticators, notices
from idp.accounts import Account, ReplacedCredentials, generations
from idp.audit import trail
from idp.core import background, clock, lifetimes
from idp.core.settings import settings
from idp.core.values import EmailAddress, PhoneNumber
from idp.notices import Notice
from idp.probation import links, risk_signals, transitions
from idp.probation.answerers import SETTLED
from idp.probation.model import Recovery
from idp.probation.risk import DURATION_SECONDS, RiskDecision, assess_risk
from idp.probation.risk_signals import RecoveryEvidence
from idp.probation.state_machine import Act, Case, State
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work

BLOCKED_AFTER_VETO = lifetimes.BLOCKED_AFTER_VETO.seconds


def start(account: Account | None, nik_index: str) -> Recovery:
    """The three facts matched: writes that down and tells the contacts in use at once, each with a way to say no.

    The same work and time whether or not there is an account.
    """
    begun, subject = clock.monotonic(), account.subject if account else ""
    own = settings().recovery_waiting == "completes"
    with unit_of_work():
        row = transitions.create(subject, nik_index, self_service=own, **risk_signals.requester_indexes())
        if account is not None:
            _notify(row, _heard(account, row.started_at), lambda url: notices.recovery_started(clock.now(), url))
            trail.record("recovery_started", account=subject, recovery=row.id)
    background.pad_to_constant_time(begun)
    return row


def _heard(account: Account, now: int) -> list[PhoneNumber | EmailAddress]:
    """The contacts in use, and those that were until lately: a thief who replaced them must not be the only one who hears.

    One that has become somebody else's is left in peace.
    """
    known = dict.fromkeys(account.contacts_since(now - SETTLED))
    return [contact for contact in known if not accounts.contact_taken(contact, except_subject=account.subject)]


def complete(row: Recovery, account: Account, given: RecoveryEvidence, password_hash: str, proved: int) -> Case:
    """The code was right: weighs the risk, and lets the recovery become provisional or wait.

    `proved` is the account's generation when the facts matched. Raises ContactTaken, ImpossibleAct, ConcurrentTransition,
    Outdated. May be called again after an outage: what is written is not written twice.
    """
    if row.state == State.STARTED.value:
        _decide(row, account, given, password_hash, proved)
        row = transitions.find(row.id) or row
    return row.case


def finish_after_wait(row: Recovery, account: Account, password_hash: str, proved: int) -> Case:
    """The new code after the wait: new contacts and password, full power. Raises as `complete`."""
    phone, email = row.new_phone, row.new_email
    if phone is None or email is None:
        raise transitions.ConcurrentTransition  # nothing was ever given: fails closed
    with unit_of_work():
        old = accounts.recover(account, phone, email, password_hash, proved=proved)
        _write(row, Act.CODE, 0, old)
        _notify_replaced(row, account, old, phone)
        trail.record("probation_ended", account=account.subject, reason="code")
    return (transitions.find(row.id) or row).case


def seconds_until_unblocked(nik_index: str) -> int | None:
    """Seconds for which nobody recovers this NIK by identity, since a recovery was vetoed; None when it is free."""
    undone = Recovery.state.in_([State.VETOED.value, State.DISPUTED.value])
    last = select(func.max(Recovery.ended_at)).where(Recovery.nik_index == nik_index, undone)
    ended_at = db.session.scalar(last)
    left = (ended_at or 0) + BLOCKED_AFTER_VETO - clock.timestamp()
    return left if left > 0 else None


def _decide(row: Recovery, account: Account, given: RecoveryEvidence, password_hash: str, proved: int) -> None:
    known = risk_signals.gather(row, account, given)
    way = assess_risk(known)
    weighed = {"inputs": known.to_dict(), "verdict": way.value, "completed_at": clock.timestamp()}
    changes = {**weighed, **row.sealed(given.phone, given.email), **risk_signals.requester_indexes()}
    facts: dict[str, str | int | bool | None] = {"verdict": way.value, "recovery": row.id, **known.to_dict()}
    with unit_of_work():
        trail.record("recovery_weighed", account=account.subject, client=None, **facts)
        if way is RiskDecision.WAIT:
            generations.require(account.subject, proved)
            _wait(row, account, given, changes)
        else:
            old = accounts.recover(account, given.phone, given.email, password_hash, proved=proved)
            _write(row, Act.PROVISION, DURATION_SECONDS[way], old, **changes)
            _notify_replaced(row, account, old, given.phone)


def _wait(row: Recovery, account: Account, given: RecoveryEvidence, changes: dict[str, Any]) -> None:
    until = clock.from_timestamp(transitions.move(row, Act.WAIT, DURATION_SECONDS[RiskDecision.WAIT], **changes).until)
    _notify(row, account.contacts_in_use, lambda url: notices.recovery_waits(until, given.phone, url))
    trail.record("recovery_waits", account=account.subject, recovery=row.id)


def _write(row: Recovery, act: Act, stays: int, old: ReplacedCredentials, **changes: object) -> None:
    before = {"old_contacts": old.contacts, "old_password_hash": old.password_hash, "old_acr": old.acr}
    transitions.move(row, act, stays, **before, **changes)
    authenticators.suspend_all(row.subject, row.id)
    trail.record("authenticators_suspended", account=row.subject, recovery=row.id)


def _notify_replaced(row: Recovery, account: Account, old: ReplacedCredentials, phone: PhoneNumber) -> None:
    dropped = [c.value for c in account.contacts if c.id in old.contacts and not c.current]
    _notify(row, dropped, lambda url: notices.recovery_completed(clock.now(), phone, url))


def _notify(row: Recovery, contacts: list[PhoneNumber | EmailAddress], words: Callable[[str], Notice]) -> None:
    notices.notify_each(links.create_links(row, contacts, words), row.subject)
