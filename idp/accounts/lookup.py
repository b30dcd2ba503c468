"""Finding an account, and signing in to one with a password."""


from sqlalchemy import select

from idp import audit, rate_limits, web
from idp.accounts import passwords
from idp.accounts.model import Account, Contact, kind_of
from idp.extensions import db
from idp.sealing import sealer
from idp.values import EmailAddress, Nik, PhoneNumber

Identifier = Nik | PhoneNumber | EmailAddress


class WrongCredentials(Exception):
    """No account with this identifier and password; which of the two was wrong is never told."""


class AccountLocked(Exception):
    """An operator has locked the account; told only to whoever knew the password."""


def find(subject: str) -> Account | None:
    """The account with this subject."""
    return db.session.get(Account, subject)


def find_by_nik(nik: Nik) -> Account | None:
    """The account of this person."""
    indexes = sealer().indexes(nik.value, "nik")
    return db.session.scalars(select(Account).where(Account.nik_index.in_(indexes))).first()


def find_by_identifier(identifier: Identifier) -> Account | None:
    """The account that signs in with this NIK, or has this contact in use."""
    if isinstance(identifier, Nik):
        return find_by_nik(identifier)
    kind = kind_of(identifier)
    indexes = sealer().indexes(identifier.value, kind)
    wanted = select(Account).join(Contact).where(
        Contact.kind == kind, Contact.value_index.in_(indexes), Contact.superseded_at.is_(None)
    )  # fmt: skip
    return db.session.scalars(wanted).first()


def authenticate(identifier: Identifier, password: str) -> Account:
    """The account; raises WrongCredentials, AccountLocked, TooManyAttempts, Busy. Unknown people cost the same work."""
    index, address = sealer().index(identifier.value, "sign-in"), web.client_address()
    acts = [("password_minute", (index, address)), ("password_address", (address,))]
    rate_limits.hit_all(acts)
    account = find_by_identifier(identifier)
    who = account.subject if account else index
    rate_limits.check("password_half_day", who, address)
    if account is None:
        passwords.waste()
    if account is None or not passwords.matches(password, account.password_hash):
        rate_limits.hit("password_half_day", who, address)
        audit.record("sign_in_failed", account=account.subject if account else None)
        raise WrongCredentials
    if account.locked:
        audit.record("sign_in_failed", account=account.subject, reason="locked")
        raise AccountLocked
    rate_limits.give_back("password_minute", index, address)
    _renew_hash(account, password)
    return account


def _renew_hash(account: Account, password: str) -> None:
    if passwords.outdated(account.password_hash):
        account.password_hash = passwords.hashed(password)
        db.session.commit()
        audit.record("password_rehashed", account=account.subject)
