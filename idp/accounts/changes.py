"""Everything that changes an account: each in one SQL transaction, each telling whoever must know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from blinker import signal
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts import hashing
from idp.accounts.claims_cache import invalidate_claims
from idp.accounts.lookup import find_by_identifier, find_by_nik
from idp.accounts.model import ACTIVE, DELETING, LOCKED, PHONE, TERMS, Account, Contact
from idp.audit import trail
from idp.core import clock, crypto, languages
from idp.core.values import ACR_DATA, EmailAddress, FullName, Nik, PhoneNumber
from idp.storage.database import db
from idp.storage.redis_store import store
from idp.storage.sealing import sealer

BLOCK_MARKS_WRITTEN_KEY = "blocked:{marks}"  # stands in the store as long as that keeps the marks of blocked accounts
BLOCK_LIFE_SECONDS = 10 * 366 * 86400  # seconds: how long a lock stays in the store when nobody lifts it

account_locked = signal("account-locked")
password_changed = signal("password-changed")
account_recovered = signal("recovered")


class NikTaken(Exception):
    """This person has an account already."""


@dataclass(frozen=True, slots=True)
class ReplacedCredentials:
    """What was in use before a recovery: ids of contacts, and the password's hash."""

    contacts: list[int]
    password_hash: str = field(repr=False)


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
    _refuse_taken(nik, (phone, email))
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
    db.session.add(account)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        _refuse_taken(nik, (phone, email))
        raise
    trail.record("account_created", account=subject, terms=TERMS)
    return account


def replace_password(account: Account, password: str) -> None:
    """Sets a new password; raises Busy. Sessions are ended by the caller, who knows which one may stay."""
    set_password_hash(account, hashing.hash_password(password))


def set_password_hash(account: Account, password_hash: str) -> None:
    """Sets a password that was hashed before."""
    account.password_hash = password_hash
    account.password_changed_at = clock.timestamp()
    db.session.commit()
    trail.record("password_changed", account=account.subject)
    password_changed.send(subject=account.subject)


def recover(
    account: Account,
    phone: PhoneNumber,
    email: EmailAddress,
    password_hash: str,
    *,
    email_verified: bool = False,
    also: Callable[[ReplacedCredentials], object] = lambda replaced: None,
) -> list[PhoneNumber | EmailAddress]:
    """New contacts and password in one transaction; the contacts that were in use, to be told; raises ContactTaken.

    `also` takes part in the transaction, and learns what is replaced; whatever it raises undoes all of it.
    """
    subject = account.subject
    try:
        in_use = _supersede(account, (phone, email), email_verified)
        # The new contacts first: one that is somebody else's must not look like a mistake of what `also` writes.
        db.session.flush()
        also(ReplacedCredentials([contact.id for contact in in_use], account.password_hash))
    except IntegrityError:
        db.session.rollback()
        _refuse_taken(None, (phone, email), except_subject=subject)
        raise
    except Exception:
        db.session.rollback()
        raise
    old = [contact.value for contact in in_use]
    account.password_hash = password_hash
    account.password_changed_at = clock.timestamp()
    commit_contacts(account, (phone, email))
    trail.record("recovery_finished", account=account.subject)
    account_recovered.send(subject=account.subject)
    return old


def undo_recovery(account: Account, replaced: ReplacedCredentials, also: Callable[[], object]) -> None:
    """Undoes a recovery: what it replaced is in use again, in one transaction with `also`, which sees that and may raise.

    A deletion that was asked for since is off: whoever recovered wanted it. A contact that is another account's by now
    stays away; raises ContactTaken if it became so this very moment.
    """
    try:
        lock_row(account, clock.timestamp())
        _reinstate(account, replaced.contacts)
        also()
    except Exception:
        db.session.rollback()
        raise
    account.password_hash = replaced.password_hash
    account.password_changed_at = clock.timestamp()
    deleting, account.delete_at = account.deleting, None
    account.state = ACTIVE if deleting else account.state
    commit_contacts(account, [contact.value for contact in account.contacts if contact.current])
    if deleting:
        unblock(account.subject)
    account_recovered.send(subject=account.subject)


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


def replace_contacts(account: Account, phone: PhoneNumber, email: EmailAddress) -> list[PhoneNumber | EmailAddress]:
    """New contacts; those that were in use, to be told; raises ContactTaken."""
    old = [contact.value for contact in _supersede(account, (phone, email), False)]
    commit_contacts(account, (phone, email))
    trail.record("contacts_changed", account=account.subject)
    return old


def lock(account: Account, reason: str) -> None:
    """Nobody signs in any more; the store refuses sessions and tokens at once, SQL remembers."""
    block(account.subject)
    account.state = LOCKED
    db.session.commit()
    # Again: a deletion that was called off in between has lifted the first.
    block(account.subject)
    trail.record("account_locked", account=account.subject, reason=reason)
    account_locked.send(subject=account.subject)


def unlock(account: Account, reason: str) -> None:
    """Lifts a lock: SQL first, so that a crash in between leaves it locked (fails closed).

    A deletion that was asked for before goes on waiting, and is called off as any other.
    """
    account.state = ACTIVE if account.delete_at is None else DELETING
    db.session.commit()
    if account.state == ACTIVE:
        unblock(account.subject)
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


def commit_contacts(account: Account, new: Sequence[PhoneNumber | EmailAddress]) -> None:
    """Commits a change of contacts; raises ContactTaken when another account has come first."""
    try:
        commit_claims_change(account)
    except IntegrityError:
        db.session.rollback()
        _refuse_taken(None, new, except_subject=account.subject)
        raise


def commit_claims_change(account: Account) -> None:
    """Commits a change of what services are told."""
    account.updated_at = clock.timestamp()
    subject = account.subject
    db.session.commit()
    invalidate_claims(subject)


def contact_taken(value: PhoneNumber | EmailAddress, except_subject: str | None = None) -> bool:
    """Whether another account than `but` uses this contact."""
    owner = find_by_identifier(value)
    return owner is not None and owner.subject != except_subject


def _refuse_taken(nik: Nik | None, contacts: Sequence[PhoneNumber | EmailAddress], except_subject: str | None = None) -> None:
    if nik is not None and find_by_nik(nik) is not None:
        raise NikTaken
    for value in contacts:
        if contact_taken(value, except_subject):
            # The same person's other tab may have been quicker between the two looks: then it is not somebody else's.
            raise NikTaken if nik is not None and find_by_nik(nik) is not None else ContactTaken(value.kind)


def blocked_subjects() -> list[str]:
    """Subjects whose sessions and tokens are refused: the store's marks are restored from these after it lost its data."""
    return list(db.session.scalars(select(Account.subject).where(Account.state.in_((LOCKED, DELETING)))))


def write_block_marks() -> None:
    """Writes the store's marks of every account that is locked or about to be deleted."""
    for subject in blocked_subjects():
        block(subject)


def restore_block_marks() -> None:
    """Writes the marks again, if the store has lost what it knew (a failover without data, a flush)."""
    if store().get(BLOCK_MARKS_WRITTEN_KEY) is None:
        write_block_marks()
        store().put(BLOCK_MARKS_WRITTEN_KEY, "1", BLOCK_LIFE_SECONDS)


def block(subject: str, seconds: int = BLOCK_LIFE_SECONDS) -> None:
    """From now on no session and no token of this account works."""
    store().put(_blocked(subject), "1", seconds)


def unblock(subject: str) -> None:
    """Lets the tokens and sessions of an unlocked account be issued again."""
    store().drop(_blocked(subject))


def _blocked(subject: str) -> str:
    return f"blocked:{{{crypto.hash_tag(subject)}}}:{subject}"
