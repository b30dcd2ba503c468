"""What people change about their own account: password, contacts, language; whoever must hear of it hears in the same step."""

from sqlalchemy import update

from idp.accounts import generations, hashing
from idp.accounts.changes import ContactTaken, claims_changed, conflicts_refused, contact_taken, lock_row
from idp.accounts.generations import Outdated
from idp.accounts.model import Account, Contact
from idp.audit import trail
from idp.core import clock
from idp.core.values import EmailAddress, PhoneNumber
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work


def forbidden_in_password(account: Account) -> list[str]:
    """What a password of this account must not contain."""
    known = [account.name.text, account.nik.value]
    known += [account.phone.local] if account.phone else []
    return known + ([account.email.value.partition("@")[0]] if account.email else [])


def change_password(account: Account, verified_hash: str, password: str, proved: int | None = None, keeps: str = "") -> int:
    """Sets a new password over the one that was just verified; the account's new generation.

    Raises Busy, and Outdated when the account has another password by now, or left the generation in which its owner
    was `proved`: of two changes that race, one wins. The session `keeps` is not ended.
    """
    renewed, subject, now = hashing.hash_password(password), account.subject, clock.timestamp()
    same = (Account.subject == subject) & (Account.password_hash == verified_hash)
    changed = update(Account).where(same).values(password_hash=renewed, password_changed_at=now)
    with unit_of_work():
        generation = generations.raise_generation(subject, proved, keeps)
        if db.session.execute(changed).rowcount != 1:  # type: ignore[attr-defined]
            raise Outdated
        trail.record("password_changed", account=subject)
    return generation


def replace_contact(account: Account, new: PhoneNumber | EmailAddress, proved: int | None = None, keeps: str = "") -> int:
    """Puts a contact that its owner has proved in use instead of the one of its kind; the account's new generation.

    Raises Outdated as above, and ContactTaken: of two accounts that want it at once, the database lets one have it.
    """
    subject, now = account.subject, clock.timestamp()
    if contact_taken(new, except_subject=subject):
        raise ContactTaken(new.kind)
    with unit_of_work(), conflicts_refused(None, [new], subject):
        generation = generations.raise_generation(subject, proved, keeps)
        lock_row(account, now)
        _put_in_use(account, new, now)
        claims_changed(account)
        trail.record("contacts_changed", account=subject, kind=new.kind)
    return generation


def confirm_contact(account: Account, proved_contact: PhoneNumber | EmailAddress, proved: int) -> None:
    """Notes that a code has come to a contact in use, so that it counts from now on. Nothing of before ends: what is in use
    stays the same.

    Raises Outdated as above, and ContactTaken when another account has proved it first.
    """
    subject, now = account.subject, clock.timestamp()
    if contact_taken(proved_contact, except_subject=subject):
        raise ContactTaken(proved_contact.kind)
    with unit_of_work(), conflicts_refused(None, [proved_contact], subject):
        generations.require(subject, proved)
        lock_row(account, now)
        for contact in account.contacts:
            if contact.current and contact.value == proved_contact:
                contact.verified_at = contact.verified_at or now
        claims_changed(account)
        trail.record("contact_verified", account=subject)


def _put_in_use(account: Account, new: PhoneNumber | EmailAddress, now: int) -> None:
    in_use = [contact for contact in account.contacts if contact.current and contact.kind == new.kind]
    same = next((contact for contact in in_use if contact.value == new), None)
    if same is not None:
        same.verified_at = now
        return
    for contact in in_use:
        contact.superseded_at = now
    account.contacts.append(Contact.of(account.subject, new, now))


def set_locale(account: Account, locale: str) -> None:
    """Sets the language that the account is spoken to in."""
    with unit_of_work():
        account.locale = locale
        claims_changed(account)
        trail.record("locale_changed", account=account.subject)
