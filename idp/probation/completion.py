"""What a completed recovery does to an account: by its risk it becomes provisional or waits; a new code ends the wait."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from idp import accounts, authenticators, notices
from idp.accounts import Account, ReplacedCredentials
from idp.audit import trail
from idp.core import clock
from idp.core.settings import settings
from idp.core.values import EmailAddress, PhoneNumber
from idp.notices import Notice
from idp.probation import links, risk_signals, transitions
from idp.probation.model import Recovery
from idp.probation.risk import DURATION_SECONDS, RiskDecision, assess_risk
from idp.probation.risk_signals import RecoveryEvidence
from idp.probation.state_machine import DAY, Act, Case, State
from idp.sessions import single_sign_on
from idp.storage.database import db

BLOCKED_AFTER_VETO = 30 * DAY


def start(account: Account | None, nik_index: str) -> Recovery:
    """The three facts matched: writes that down and tells the contacts in use at once, each with a way to say no.

    The same work and time whether or not there is an account.
    """
    subject = account.subject if account else ""
    row = transitions.create(
        subject, nik_index, self_service=settings().recovery_waiting == "completes", **risk_signals.requester_indexes()
    )
    in_use = account.contacts_in_use if account else []
    said = links.create_links_and_commit(row, in_use, lambda url: notices.recovery_started(clock.now(), url))
    notices.notify_each_in_constant_time(said, subject or None)
    return row


def complete(row: Recovery, account: Account, given: RecoveryEvidence, password_hash: str) -> Case:
    """The code was right: weighs the risk, and lets the recovery become provisional or wait.

    Raises ContactTaken, Impossible, Moved. May be called again after an outage: what is written is not written twice.
    """
    kept: list[str] = []
    if row.state == State.STARTED.value:
        kept = _decide(row, account, given, password_hash)
        row = transitions.find(row.id) or row
    if row.state == State.PROVISIONAL.value:
        _end_sessions_and_audit(row, account.subject)
    notices.send(kept)
    return row.case


def finish_after_wait(row: Recovery, account: Account, password_hash: str) -> Case:
    """The new code after the wait: new contacts and password, full power. Raises ContactTaken, Impossible, Moved."""
    phone, email = row.new_phone, row.new_email
    if phone is None or email is None:
        raise transitions.ConcurrentTransition  # nothing was ever given: fails closed
    single_sign_on.end_all(account.subject)
    kept: list[str] = []

    def also(old: ReplacedCredentials) -> None:
        _write(row, Act.CODE, 0, old)
        kept.extend(_enqueue_recovered(row, account, old, phone))

    accounts.recover(account, phone, email, password_hash, also=also)
    trail.record("probation_ended", account=account.subject, reason="code")
    done = transitions.find(row.id) or row
    _end_sessions_and_audit(done, account.subject)
    notices.send(kept)
    return done.case


def seconds_until_unblocked(nik_index: str) -> int | None:
    """Seconds for which nobody recovers this NIK by identity, since a recovery was vetoed; None when it is free."""
    undone = Recovery.state.in_([State.VETOED.value, State.DISPUTED.value])
    last = select(func.max(Recovery.ended_at)).where(Recovery.nik_index == nik_index, undone)
    ended_at = db.session.scalar(last)
    left = (ended_at or 0) + BLOCKED_AFTER_VETO - clock.timestamp()
    return left if left > 0 else None


def _decide(row: Recovery, account: Account, given: RecoveryEvidence, password_hash: str) -> list[str]:
    """The ids of what is to be sent: kept in the transaction of what it tells about, so that no crash loses it."""
    known = risk_signals.gather(row, account, given)
    way = assess_risk(known)
    weighed = {"inputs": known.to_dict(), "verdict": way.value, "completed_at": clock.timestamp()}
    changes = {**weighed, **row.sealed(given.phone, given.email), **risk_signals.requester_indexes()}
    facts: dict[str, str | int | bool | None] = {"verdict": way.value, "recovery": row.id, **known.to_dict()}
    trail.record("recovery_weighed", account=account.subject, client=None, **facts)
    if way is RiskDecision.WAIT:
        until = clock.from_timestamp(transitions.move(row, Act.WAIT, DURATION_SECONDS[way], **changes).until)
        kept = _enqueue(row, account.contacts_in_use, lambda url: notices.recovery_waits(until, given.phone, url))
        db.session.commit()
        trail.record("recovery_waits", account=account.subject, recovery=row.id)
        return kept
    return _provision(row, account, given, password_hash, DURATION_SECONDS[way], changes)


def _provision(
    row: Recovery, account: Account, given: RecoveryEvidence, password_hash: str, stays: int, changes: dict[str, Any]
) -> list[str]:
    kept: list[str] = []

    def also(old: ReplacedCredentials) -> None:
        _write(row, Act.PROVISION, stays, old, **changes)
        kept.extend(_enqueue_recovered(row, account, old, given.phone))

    # Before and after: without the store nothing changes (fails closed), and no session slips in between.
    single_sign_on.end_all(account.subject)
    accounts.recover(account, given.phone, given.email, password_hash, also=also)
    return kept


def _write(row: Recovery, act: Act, stays: int, old: ReplacedCredentials, **changes: object) -> None:
    transitions.move(row, act, stays, old_contacts=old.contacts, old_password_hash=old.password_hash, **changes)
    authenticators.suspend_all(row.subject, row.id)


def _end_sessions_and_audit(row: Recovery, subject: str) -> None:
    """What follows from a recovery that SQL has; may be done twice, so that an outage in between leaves nothing undone."""
    single_sign_on.end_all(subject)
    trail.record("authenticators_suspended", account=subject, recovery=row.id)


def _enqueue_recovered(row: Recovery, account: Account, old: ReplacedCredentials, phone: PhoneNumber) -> list[str]:
    dropped = [c.value for c in account.contacts if c.id in old.contacts and not c.current]
    return _enqueue(row, dropped, lambda url: notices.recovery_completed(clock.now(), phone, url))


def _enqueue(row: Recovery, contacts: list[PhoneNumber | EmailAddress], words: Callable[[str], Notice]) -> list[str]:
    said = links.create_links(row, contacts, words)
    return notices.enqueue_each(said, row.subject, db.session.connection())
