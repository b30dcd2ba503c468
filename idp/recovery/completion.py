"""What a recovery does to an account once it is proved: who is told, what ends, what is new."""

from idp import accounts, audit, clock, notices, rate_limits, sessions
from idp.accounts import Account
from idp.identity import Proof
from idp.recovery.draft import IDENTITY, Draft
from idp.recovery.forms import ContactForm
from idp.recovery.verdict import Circumstances, verdict
from idp.sealing import sealer
from idp.values import EmailAddress, PhoneNumber


def warn_owner(account: Account | None) -> bool:
    """Tells the contacts in use at once that somebody gave the three facts: they are known to many; whether it was done."""
    if account is None:
        notices.tell([], notices.recovery_started(clock.now()))
        return False
    notices.tell(_contacts(account), notices.recovery_started(clock.now()), account.subject)
    audit.record("recovery_started", account=account.subject)
    return True


def may_receive(draft: Draft) -> bool:
    """Whether a code may really go out: by phone or e-mail to the account's own contact, by identity to a free one."""
    if draft.way != IDENTITY:
        return bool(draft.account)
    taken = [c for c in (draft.contact, EmailAddress(draft.email)) if accounts.contact_taken(c, but=draft.account or None)]
    for contact in taken:
        what = "phone" if isinstance(contact, PhoneNumber) else "email"
        notices.tell([contact], notices.registration_attempt(what, clock.now()))
    return not taken


def reset_password(account: Account, password: str) -> None:
    """A new password: every session ends, every contact is told. Contacts and everything else stay as they were."""
    accounts.replace_password(account, password)
    sessions.end_all(account.subject)
    notices.tell(_contacts(account), notices.password_changed(clock.now()), account.subject)
    audit.record("recovery_finished", account=account.subject)


def complete(draft: Draft, account: Account | None) -> bool:
    """Ends a recovery by identity as the verdict says; False when there is none; raises ContactTaken, TooManyAttempts."""
    if account is None or verdict(Circumstances(True, draft.told)) is None:
        return False
    phone, email = PhoneNumber(draft.recipient), EmailAddress(draft.email)
    _count(draft, phone)
    subject = account.subject
    old = accounts.recover(account, phone, email, draft.password_hash)
    sessions.end_all(subject)
    notices.tell(old, notices.identity_recovered(clock.now(), phone), subject)
    return True


def personal(draft: Draft, form: ContactForm) -> list[str]:
    """What the new password must not contain."""
    proof = Proof.from_dict(draft.proof or {})
    return [proof.name.text, proof.nik.value, form.phone.value.local, form.email.value.value.partition("@")[0]]


def own_data(account: Account) -> list[str]:
    """The same for an account that keeps its contacts."""
    known = [account.name.text, account.nik.value]
    known += [account.phone.local] if account.phone else []
    return known + ([account.email.value.partition("@")[0]] if account.email else [])


def _count(draft: Draft, phone: PhoneNumber) -> None:
    # One success per NIK and per new contact in 30 days: a thief's phone recovers one account, not a village.
    proof = Proof.from_dict(draft.proof or {})
    rate_limits.hit_all(
        [
            ("recovery_nik", (sealer().index(proof.nik.value, "facts"),)),
            ("recovery_contact", (sealer().index(phone.value, "phone"),)),
        ]
    )


def _contacts(account: Account) -> list[PhoneNumber | EmailAddress]:
    return [contact.value for contact in account.contacts if contact.current]
