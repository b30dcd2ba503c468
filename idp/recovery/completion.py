"""What a recovery does to an account: who is told, what ends, what is new."""

from dataclasses import replace

from idp import accounts, authenticators, notices
from idp.accounts import Account, hashing
from idp.audit import trail
from idp.core import clock
from idp.core.values import EmailAddress, PhoneNumber
from idp.limits.rate_limits import TooManyAttempts
from idp.probation import completion, frequency, transitions
from idp.probation.model import Recovery
from idp.probation.risk_signals import RecoveryEvidence
from idp.probation.state_machine import Act, Case, ImpossibleAct, State
from idp.probation.transitions import ConcurrentTransition
from idp.recovery.draft import IDENTITY, Draft
from idp.recovery.forms import ContactForm
from idp.storage.sealing import sealer
from idp.storage.unit_of_work import unit_of_work

Value = PhoneNumber | EmailAddress


def warn_owner(draft: Draft) -> Draft:
    """Finds the account and tells the contacts in use, at once: the three facts are known to many. Whether there is an
    account shows in the draft only; the work is the same."""
    account = accounts.find_by_nik(draft.proved.nik)
    subject = account.subject if account else ""
    row = completion.start(account, _nik_index(draft))
    generation = account.generation if account else 0
    return replace(draft, warned=True, account=subject, generation=generation, recovery=row.id)


def may_send_code(draft: Draft) -> bool:
    """Whether a code may really go out: by phone or e-mail to the account's own contact, by identity to a free number.

    Owners of taken contacts are told. A taken e-mail holds back no code and is not refused: unproved it is nobody's.
    """
    if draft.way != IDENTITY:
        # Looked up for nobody's account too: the time tells nobody who has one.
        account = accounts.find(draft.account)
        return account is not None and account.generation == draft.generation
    new = (draft.contact, EmailAddress(draft.email))
    taken = [contact for contact in new if accounts.contact_taken(contact, except_subject=draft.account or None)]
    for contact in taken:
        notices.notify_in_constant_time([contact], notices.registration_attempt(contact.kind, clock.now()))
    return draft.contact not in taken


def reset_password(draft: Draft, account: Account, password: str) -> None:
    """A new password: every session ends, every contact is told. Contacts and everything else stay as they were.

    Raises Busy, and Outdated when the account has changed since this recovery began.
    """
    password_hash, subject = hashing.hash_password(password), account.subject
    with unit_of_work():
        accounts.set_password_hash(account, password_hash, draft.generation)
        notices.notify(account.contacts_in_use, notices.password_changed(clock.now()), subject)
        trail.record("recovery_finished", account=subject)


def complete(draft: Draft, account: Account | None) -> Case | None:
    """Ends a recovery by identity as its risk demands; None when there is none to end, or its owner was not told.

    Raises ContactTaken, TooManyAttempts, Impossible (over, or another recovery of this account is open).
    """
    row = transitions.find(draft.recovery) if draft.recovery else None
    if account is None or row is None or not draft.warned or row.subject != account.subject:
        return None
    given = RecoveryEvidence(PhoneNumber(draft.recipient), EmailAddress(draft.email), _proves_old(draft, account))
    if row.state != State.STARTED.value:
        return completion.complete(row, account, given, draft.password_hash, draft.generation)
    return _within_limits(draft, row, account, given)


def waited_recovery_for(account: Account, phone: Value) -> Recovery | None:
    """A recovery of this account that has waited for this very number, and may be completed now."""
    row = transitions.open_of(account.subject)
    if row is None or transitions.current_case(row).state is not State.READY or row.new_phone != phone:
        return None
    return row


def withdraw(recovery_id: str) -> bool:
    """Takes back a recovery that waits; False when it is over or decided already."""
    row = transitions.find(recovery_id)
    try:
        if row is None:
            return False
        with unit_of_work():
            transitions.move(row, Act.CANCEL)
            trail.record("recovery_cancelled", account=row.subject, recovery=recovery_id)
    except (ConcurrentTransition, ImpossibleAct):
        return False
    return True


def finish(draft: Draft, row: Recovery, account: Account, password_hash: str) -> Case:
    """The new code was right: the recovery that has waited is completed. Raises ContactTaken, ImpossibleAct, Outdated."""
    try:
        return completion.finish_after_wait(row, account, password_hash, draft.generation)
    except ConcurrentTransition:
        raise ImpossibleAct(State(row.state)) from None


def knows_password(draft: Draft, typed: str) -> bool:
    """Whether this is the account's password; counted and worked at as any sign-in, account or not. Raises TooManyAttempts."""
    try:
        if not typed:
            return False
        found = accounts.authenticate(draft.proved.nik, typed)
        return found.subject == draft.account and found.generation == draft.generation
    except (accounts.WrongCredentials, accounts.AccountLocked):
        return False


def contact_used_recently(contact: Value) -> bool:
    """Whether this contact has recovered an account within 30 days; says nothing about whose."""
    return frequency.contact_used(contact)


def forbidden_in_password(draft: Draft, form: ContactForm) -> list[str]:
    """What the new password must not contain."""
    proof = draft.proved
    phone, email = form.phone.value.local if form.phone.value else "", str(form.email.data or "").partition("@")[0]
    return [proof.name.text, proof.nik.value, phone, email]


def _within_limits(draft: Draft, row: Recovery, account: Account, given: RecoveryEvidence) -> Case:
    nik = _nik_index(draft)
    blocked = completion.seconds_until_unblocked(nik)
    if blocked is not None:
        raise TooManyAttempts(blocked, "recovery_nik")
    try:
        with frequency.counted(nik, given.phone, given.email):
            return completion.complete(row, account, given, draft.password_hash, draft.generation)
    except (ConcurrentTransition, accounts.Outdated):
        raise ImpossibleAct(State(row.state)) from None


def _proves_old(draft: Draft, account: Account) -> bool:
    """Whether something old was given too: the previous password, or a number of the account that received the code.

    Where there is a second factor neither is enough: a number can be taken over, and a password be known to a thief.
    """
    if authenticators.enrolled_for(account.subject).any:
        return False
    return draft.knew_password or PhoneNumber(draft.recipient) in account.verified_contacts


def _nik_index(draft: Draft) -> str:
    return sealer().index(draft.proved.nik.value, "facts")
