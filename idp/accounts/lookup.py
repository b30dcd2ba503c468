"""Finding an account, and signing in to one with a password."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm.attributes import set_committed_value

from idp.accounts import generations, hashing
from idp.accounts.model import Account, Contact
from idp.audit import trail
from idp.core.values import Authentication, EmailAddress, Nik, PhoneNumber
from idp.limits import rate_limits, streaks
from idp.storage.database import DATABASE_DOWN, db
from idp.storage.sealing import Unsealable, sealer
from idp.web import requests

Identifier = Nik | PhoneNumber | EmailAddress


class WrongCredentials(Exception):
    """No account with this identifier and password; which of the two was wrong is never told."""


class AccountLocked(Exception):
    """An operator has locked the account; told only to whoever knew the password."""


def find(subject: str) -> Account | None:
    """The account with this subject."""
    return db.session.get(Account, subject)


def opens_what_is_sealed() -> bool:
    """Whether the key rings at hand are those of the accounts: one is opened, and found by its index."""
    one = db.session.scalars(select(Account).limit(1)).first()
    try:
        return one is None or one.nik_index in sealer().indexes(one.nik.value, "nik")
    except Unsealable:
        return False


def find_by_nik(nik: Nik) -> Account | None:
    """The account of this person."""
    indexes = sealer().indexes(nik.value, "nik")
    return db.session.scalars(select(Account).where(Account.nik_index.in_(indexes))).first()


def find_by_identifier(identifier: Identifier) -> Account | None:
    """The account that signs in with this NIK, or has this contact in use: who has proved it, else who had it first."""
    if isinstance(identifier, Nik):
        return find_by_nik(identifier)
    kind = identifier.kind
    indexes = sealer().indexes(identifier.value, kind)
    wanted = select(Account).join(Contact).where(
        Contact.kind == kind, Contact.value_index.in_(indexes), Contact.superseded_at.is_(None)
    )  # fmt: skip
    return db.session.scalars(wanted.order_by(Contact.verified_at.is_(None), Contact.id).limit(1)).first()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a message is for: the tag of their language, None where it is not known, and their name, empty where not."""

    locale: str | None = None
    name: str = field(default="", repr=False)


def reader_of(subject: str | None) -> Reader:
    """Whom a message about this account speaks to; nobody in particular without an account, or with nobody to ask."""
    if not subject:
        return Reader()
    try:
        with db.engine.connect() as connection:
            known = connection.execute(select(Account.locale, Account.name_sealed).where(Account.subject == subject)).first()
    except DATABASE_DOWN:
        return Reader()  # a message in several languages is better than none
    if known is None:
        return Reader()
    name = sealer().open(known.name_sealed, f"accounts.name:{subject}")
    return Reader(known.locale, " ".join(word.capitalize() for word in name.split()))


def authentication_still_valid(proved: Authentication) -> bool:
    """Whether a sign-in that waits still holds: any change of the account after which nothing of before counts ends it."""
    return generations.still_counts(proved.account, proved.generation)


def authenticate(identifier: Identifier, password: str, knows_browser: Callable[[str], bool] = lambda _: False) -> Account:
    """The account; raises WrongCredentials, AccountLocked, TooManyAttempts, Busy. Unknown people cost the same work.

    `knows_browser` tells of a subject whether this request's browser is its owner's: such a browser neither waits for
    the delay that strangers' guesses have made, nor behind them in the line of hashes.
    """
    index, network = sealer().index(identifier.value, "sign-in"), requests.client_network()
    rate_limits.hit_all([("password_minute", (index, network)), ("password_address", (network,))])
    account = find_by_identifier(identifier)
    who = account.subject if account else index
    # Counted before the password is looked at, so that guesses sent all at once are counted too.
    rate_limits.hit("password_half_day", who, network)
    turn = _turn(who, known=knows_browser(who))
    try:
        right = hashing.matches(password, account.password_hash if account else None, turn)
    except hashing.Busy:
        _give_back_attempts(index, who, network)
        streaks.not_judged("password", who)
        raise
    if account is None or not right:
        trail.record("sign_in_failed", account=account.subject if account else None)
        raise WrongCredentials
    if account.locked:
        trail.record("sign_in_failed", account=account.subject, reason="locked")
        raise AccountLocked
    _give_back_attempts(index, who, network)
    streaks.succeeded("password", who)
    _renew_hash(account, password)
    return account


def _turn(who: str, *, known: bool) -> hashing.Turn:
    """The place in the line of hashes; raises TooManyAttempts while the guesses at this account, from anywhere, delay it."""
    if known:
        return hashing.Turn.KNOWN_BROWSER
    in_a_row = streaks.attempt("password", who)
    return hashing.Turn.ORDINARY if in_a_row < streaks.DELAYS[0][0] else hashing.Turn.UNDER_ATTACK


def _give_back_attempts(index: str, who: str, network: str) -> None:
    rate_limits.give_back("password_minute", index, network)
    rate_limits.give_back("password_half_day", who, network)


def _renew_hash(account: Account, password: str) -> None:
    known = account.password_hash
    if not hashing.needs_rehash(known):
        return
    try:
        renewed = hashing.hash_password(password)
    except hashing.Busy:
        return  # the next sign-in will do
    # Only over the hash that was verified: a password that is being changed at this moment must not come back.
    same = (Account.subject == account.subject) & (Account.password_hash == known)
    # On a connection of its own: the account stays as it was when its password was verified.
    with db.engine.begin() as connection:
        won = connection.execute(update(Account).where(same).values(password_hash=renewed)).rowcount
    if won:
        set_committed_value(account, "password_hash", renewed)
    trail.record("password_rehashed", account=account.subject)
