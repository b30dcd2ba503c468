"""What people change about their own account: password, contacts, language; whoever must hear of it hears in the same step."""

from sqlalchemy import update

from idp.accounts import hashing
from idp.accounts.changes import ContactTaken, claims_changed, conflicts_refused, contact_taken, lock_row, password_changed
from idp.accounts.model import Account, Contact
from idp.audit import trail
from idp.core import clock
from idp.core.values import EmailAddress, PhoneNumber
from idp.storage.database import db
from idp.storage.unit_of_work import unit_of_work


class ChangedMeanwhile(Exception):
    """Another password was set since this one was asked for: nothing was written."""


def forbidden_in_password(account: Account) -> list[str]:
    """What a password of this account must not contain."""
    known = [account.name.text, account.nik.value]
    known += [account.phone.local] if account.phone else []
    return known + ([account.email.value.partition("@")[0]] if account.email else [])


def change_password(account: Account, verified_hash: str, password: str) -> None:
    """Sets a new password over the one that was just verified.

    Raises Busy, and ChangedMeanwhile when the account has another by now: of two changes that race, one wins.
    """
    renewed, subject, now = hashing.hash_password(password), account.subject, clock.timestamp()
    same = (Account.subject == subject) & (Account.password_hash == verified_hash)
    changed = update(Account).where(same).values(password_hash=renewed, password_changed_at=now)
    with unit_of_work() as work:
        if db.session.execute(changed).rowcount != 1:  # type: ignore[attr-defined]
            raise ChangedMeanwhile
        trail.record("password_changed", account=subject)
        work.after_commit(lambda: password_changed.send(subject=subject))


def replace_contact(account: Account, new: PhoneNumber | EmailAddress) -> None:
    """Puts a contact that its owner has proved in use instead of the one of its kind.

    Raises ContactTaken: of two accounts that want it at once, the database lets one have it.
    """
    subject, now = account.subject, clock.timestamp()
    if contact_taken(new, except_subject=subject):
        raise ContactTaken(new.kind)
    with unit_of_work(), conflicts_refused(None, [new], subject):
        lock_row(account, now)
        _put_in_use(account, new, now)
        claims_changed(account)
        trail.record("contacts_changed", account=subject)


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
