"""Everything that changes an account: each in one SQL transaction, each telling whoever must know."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts import generations
from idp.accounts.lookup import find_by_nik
from idp.accounts.model import ACTIVE, DELETING, LOCKED, PHONE, TERMS, Account, Contact
from idp.audit import trail
from idp.core import clock, crypto, languages
from idp.core.values import ACR_DATA, EmailAddress, FullName, Nik, PhoneNumber
from idp.storage.database import db
from idp.storage.sealing import sealer
from idp.storage.unit_of_work import unit_of_work


class NikTaken(Exception):
    """This person has an account already."""


@dataclass(frozen=True, slots=True)
class ReplacedCredentials:
    """What was in use before a recovery: ids of contacts, the password's hash, and the class; None where it was not kept."""

    contacts: list[int]
    password_hash: str = field(repr=False)
    acr: str | None = None


class ContactTaken(Exception):
    """The contact is in use by another account; `kind` is phone or email."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def create(
    nik: Nik,
    name: FullName,
    phone: PhoneNumber,
    email: EmailAddress,
    password_hash: str,
    *,
    acr: str = ACR_DATA,
    locale: str | None = None,
    email_verified: bool = False,
) -> Account:
    """A new account with verified phone, from a hash made by `passwords.hashed`; raises NikTaken, ContactTaken.

    Of two submissions that race, the database's unique indexes let one through.
    """
    # An address that nobody proved is refused to nobody: else registration would tell who has it, and keep its owner out.
    claimed: list[PhoneNumber | EmailAddress] = [phone, email] if email_verified else [phone]
    _refuse_taken(nik, claimed)
    subject, now = crypto.random_token(16), clock.timestamp()
    account = Account(
        subject=subject,
        nik_sealed=sealer().seal(nik.value, f"accounts.nik:{subject}"),
        nik_index=sealer().index(nik.value, "nik"),
        name_sealed=sealer().seal(name.text, f"accounts.name:{subject}"),
        password_hash=password_hash,
        acr=acr,
        locale=locale or languages.default().tag,
        roles=[],
        state=ACTIVE,
        created_at=now,
        updated_at=now,
        password_changed_at=now,
        terms=TERMS,
    )
    account.contacts = [Contact.of(subject, phone, now), Contact.of(subject, email, now if email_verified else None)]
    with unit_of_work(), conflicts_refused(nik, claimed):
        db.session.add(account)
        trail.record("account_created", account=subject, terms=TERMS)
    return account


def set_password_hash(account: Account, password_hash: str, proved: int | None = None) -> int:
    """Sets a password that was hashed before; the account's new generation.

    Raises Outdated when the account left the generation in which the right to do so was `proved`.
    """
    with unit_of_work():
        generation = generations.raise_generation(account.subject, proved)
        account.password_hash = password_hash
        account.password_changed_at = clock.timestamp()
        trail.record("password_changed", account=account.subject)
    return generation


def recover(
    account: Account,
    phone: PhoneNumber,
    email: EmailAddress,
    password_hash: str,
    *,
    email_verified: bool = False,
    proved: int | None = None,
) -> ReplacedCredentials:
    """Puts new contacts and a new password in use; what they replace. Raises ContactTaken, and Outdated as above.

    The class falls to data, since three facts that many know have seen nobody: officers assure the account anew.
    """
    subject = account.subject
    with unit_of_work(), conflicts_refused(None, (phone, email), subject):
        generations.raise_generation(subject, proved)
        in_use = _supersede(account, (phone, email), email_verified)
        replaced = ReplacedCredentials([contact.id for contact in in_use], account.password_hash, account.acr)
        account.acr = ACR_DATA
        account.password_hash = password_hash
        account.password_changed_at = clock.timestamp()
        claims_changed(account)
        trail.record("recovery_finished", account=subject)
    return replaced


def undo_recovery(account: Account, replaced: ReplacedCredentials) -> None:
    """Undoes a recovery: what it replaced is in use again.

    A deletion that was asked for since is off: whoever recovered wanted it. A contact that is another account's by now
    stays away; raises ContactTaken if it became so this very moment.
    """
    subject = account.subject
    wanted = [contact.value for contact in account.contacts if contact.id in replaced.contacts]
    with unit_of_work(), conflicts_refused(None, wanted, subject):
        generations.raise_generation(subject)
        lock_row(account, clock.timestamp())
        _reinstate(account, replaced.contacts)
        account.acr = replaced.acr or account.acr
        account.password_hash = replaced.password_hash
        account.password_changed_at = clock.timestamp()
        account.state = ACTIVE if account.deleting else account.state
        account.delete_at = None
        claims_changed(account)


def _reinstate(account: Account, wanted: Sequence[int]) -> None:
    now = clock.timestamp()
    for contact in account.contacts:
        if contact.current and contact.id not in wanted:
            contact.superseded_at = now
    db.session.flush()
    for contact in account.contacts:
        if contact.id in wanted and not contact_taken(contact.value, except_subject=account.subject):
            contact.superseded_at = None
    db.session.flush()


def lock(account: Account, reason: str) -> None:
    """Locks the account: nobody signs in any more, and whoever is signed in is so no longer."""
    with unit_of_work():
        generations.raise_generation(account.subject)
        account.state = LOCKED
        trail.record("account_locked", account=account.subject, reason=reason)


def unlock(account: Account, reason: str) -> None:
    """Lifts a lock. A deletion that was asked for before goes on waiting, and is called off as any other."""
    with unit_of_work():
        account.state = ACTIVE if account.delete_at is None else DELETING
        trail.record("account_unlocked", account=account.subject, reason=reason)


def _supersede(account: Account, new: Sequence[PhoneNumber | EmailAddress], email_verified: bool) -> list[Contact]:
    """Puts the new contacts in use; those that were in use before."""
    now = clock.timestamp()
    lock_row(account, now)
    in_use = [contact for contact in account.contacts if contact.current]
    for contact in in_use:
        contact.superseded_at = None if contact.value in new else now
    # Before the new ones are written: the database lets no contact be in use twice.
    db.session.flush()
    for value in new:
        verified = now if value.kind == PHONE or email_verified else None
        same = next((contact for contact in in_use if contact.value == value), None)
        if same is None:
            account.contacts.append(Contact.of(account.subject, value, verified))
        else:
            same.verified_at = verified or same.verified_at
    return in_use


def lock_row(account: Account, now: int) -> None:
    """Begins a change that no other change of the account may cross, until it is committed."""
    # Writing first locks the row (on SQLite the database): of two changes at once the second sees what the first did,
    # and no account ends up with the contacts of both.
    db.session.execute(update(Account).where(Account.subject == account.subject).values(updated_at=now))
    db.session.expire_all()


@contextmanager
def conflicts_refused(
    nik: Nik | None, contacts: Sequence[PhoneNumber | EmailAddress], except_subject: str | None = None
) -> Iterator[None]:
    """Writes what the block has changed; raises NikTaken or ContactTaken when another account has come first."""
    try:
        yield
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        _refuse_taken(nik, contacts, except_subject)
        raise


def claims_changed(account: Account) -> None:
    """Notes, in the unit of work that is open, that services are told something else from its commit on."""
    account.updated_at = clock.timestamp()
    generations.touch(account.subject)


def contact_taken(value: PhoneNumber | EmailAddress, except_subject: str | None = None) -> bool:
    """Whether another account than `except_subject` has proved this contact and uses it."""
    indexes = sealer().indexes(value.value, value.kind)
    wanted = select(Contact.subject).where(
        Contact.kind == value.kind,
        Contact.value_index.in_(indexes),
        Contact.superseded_at.is_(None),
        Contact.verified_at.is_not(None),
    )
    return any(subject != except_subject for subject in db.session.scalars(wanted))


def _refuse_taken(nik: Nik | None, contacts: Sequence[PhoneNumber | EmailAddress], except_subject: str | None = None) -> None:
    if nik is not None and find_by_nik(nik) is not None:
        raise NikTaken
    for value in contacts:
        if contact_taken(value, except_subject):
            # The same person's other tab may have been quicker between the two looks: then it is not somebody else's.
            raise NikTaken if nik is not None and find_by_nik(nik) is not None else ContactTaken(value.kind)
