"""Accounts: who a person is to us, how they are found, proved by password, and changed."""

from flask import Flask

from idp.accounts import generations, hashing, passwords
from idp.accounts.changes import (
    ContactTaken,
    NikTaken,
    ReplacedCredentials,
    contact_taken,
    create,
    lock,
    recover,
    set_password_hash,
    undo_recovery,
    unlock,
)
from idp.accounts.claims_cache import cached_claims, claims
from idp.accounts.deletion import (
    account_erased,
    account_erasing,
    cancel_deletion,
    deletion_due,
    earliest_erasure,
    erase,
    erase_due,
    in_use,
    request_deletion,
    set_legal_hold,
)
from idp.accounts.generations import Outdated
from idp.accounts.lookup import (
    AccountLocked,
    Identifier,
    Reader,
    WrongCredentials,
    authenticate,
    authentication_still_valid,
    find,
    find_by_identifier,
    find_by_nik,
    opens_what_is_sealed,
    reader_of,
)
from idp.accounts.model import TERMS, Account, Contact
from idp.accounts.officers import assign_roles, correct_name, set_assurance_level
from idp.accounts.self_service import change_password, confirm_contact, forbidden_in_password, replace_contact, set_locale

__all__ = [
    "Account", "AccountLocked", "Contact", "ContactTaken", "Identifier", "NikTaken", "Outdated", "Reader",
    "ReplacedCredentials", "TERMS", "WrongCredentials", "account_erased", "account_erasing", "assign_roles", "authenticate",
    "authentication_still_valid", "cached_claims", "cancel_deletion", "change_password", "claims", "confirm_contact",
    "contact_taken", "correct_name", "create", "deletion_due", "earliest_erasure", "erase", "erase_due", "find",
    "find_by_identifier", "find_by_nik", "forbidden_in_password", "generations", "in_use", "init_app", "lock",
    "opens_what_is_sealed", "reader_of", "recover", "replace_contact", "request_deletion", "set_assurance_level",
    "set_legal_hold", "set_locale", "set_password_hash", "undo_recovery", "unlock",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """Measures how many passwords this process may hash at once; gives templates the rules of `passwords`."""
    hashing.init_app(app)
    app.jinja_env.globals["passwords"] = passwords
