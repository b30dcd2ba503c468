"""What a recovery does to an account: who is told, what ends, what is new."""

from collections.abc import Sequence
from dataclasses import replace

from idp import accounts, audit, clock, notices, rate_limits, sessions
from idp.accounts import Account
from idp.recovery.draft import IDENTITY, Draft
from idp.recovery.forms import ContactForm
from idp.recovery.verdict import Circumstances, verdict
from idp.sealing import sealer
from idp.values import EmailAddress, PhoneNumber

Value = PhoneNumber | EmailAddress


def warn_owner(draft: Draft) -> Draft:
    """Finds the account and tells the contacts in use, at once: the three facts are known to many. Whether there is an
    account shows in the draft only; the work is the same."""
    account = accounts.find_by_nik(draft.proved.nik)
    contacts = _contacts(account) if account else []
    notices.tell(contacts, notices.recovery_started(clock.now()), account.subject if account else None)
    if account is None:
        return replace(draft, warned=True)
    audit.record("recovery_started", account=account.subject)
    return replace(draft, warned=True, account=account.subject)


def may_receive(draft: Draft) -> bool:
    """Whether a code may really go out: by phone or e-mail to the account's own contact, by identity to a free number.

    Owners of taken contacts are told. A taken e-mail holds back no code: it is refused once the phone is proved.
    """
    if draft.way != IDENTITY:
        return bool(draft.account)
    new = (draft.contact, EmailAddress(draft.email))
    taken = [contact for contact in new if accounts.contact_taken(contact, but=draft.account or None)]
    for contact in taken:
        what = "phone" if isinstance(contact, PhoneNumber) else "email"
        notices.tell([contact], notices.registration_attempt(what, clock.now()))
    return draft.contact not in taken


def reset_password(account: Account, password: str) -> None:
    """A new password: every session ends, every contact is told. Contacts and everything else stay as they were."""
    # Before and after: without the store nothing changes (fails closed), and no session slips in between.
    sessions.end_all(account.subject)
    accounts.replace_password(account, password)
    sessions.end_all(account.subject)
    notices.tell(_contacts(account), notices.password_changed(clock.now()), account.subject)
    audit.record("recovery_finished", account=account.subject)


def complete(draft: Draft, account: Account | None) -> bool:
    """Ends a recovery by identity as the verdict says; False when there is none; raises ContactTaken, TooManyAttempts."""
    if account is None or verdict(Circumstances(True, draft.warned)) is None:
        return False
    subject, phone = account.subject, PhoneNumber(draft.recipient)
    sessions.end_all(subject)
    # The hash is salted: the same one means that this very draft has been written before the store went away.
    if account.password_hash == draft.password_hash:
        old: Sequence[Value] = [contact.value for contact in account.contacts if not contact.current]
    else:
        old = _recover(draft, account, phone)
    sessions.end_all(subject)
    notices.tell(old, notices.identity_recovered(clock.now(), phone), subject)
    return True


def used_lately(contact: Value) -> bool:
    """Whether this contact has recovered an account within 30 days; says nothing about whose."""
    return not rate_limits.remaining("recovery_contact", _index(contact))


def personal(draft: Draft, form: ContactForm) -> list[str]:
    """What the new password must not contain."""
    proof = draft.proved
    phone, email = form.phone.value.local if form.phone.value else "", str(form.email.data or "").partition("@")[0]
    return [proof.name.text, proof.nik.value, phone, email]


def own_data(account: Account) -> list[str]:
    """The same for an account that keeps its contacts."""
    known = [account.name.text, account.nik.value]
    known += [account.phone.local] if account.phone else []
    return known + ([account.email.value.partition("@")[0]] if account.email else [])


def _recover(draft: Draft, account: Account, phone: PhoneNumber) -> list[Value]:
    # One success per NIK and per new contact in 30 days: a thief's phone recovers one account, not a village.
    email = EmailAddress(draft.email)
    acts = [("recovery_nik", (sealer().index(draft.proved.nik.value, "facts"),))]
    acts += [("recovery_contact", (_index(contact),)) for contact in (phone, email)]
    rate_limits.hit_all(acts)
    try:
        return accounts.recover(account, phone, email, draft.password_hash)
    except Exception:
        # Nothing was recovered: an outage must not use up the one success of 30 days.
        for name, subjects in acts:
            rate_limits.give_back(name, *subjects)
        raise


def _index(contact: Value) -> str:
    return sealer().index(contact.value, "phone" if isinstance(contact, PhoneNumber) else "email")


def _contacts(account: Account) -> list[Value]:
    return [contact.value for contact in account.contacts if contact.current]
