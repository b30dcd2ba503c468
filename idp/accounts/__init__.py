"""Accounts: who a person is to us, how they are found, proved by password, and changed."""

from flask import Flask

from idp.accounts import hashing, passwords
from idp.accounts.changes import (
    ContactTaken,
    NikTaken,
    ReplacedCredentials,
    account_locked,
    account_recovered,
    contact_taken,
    create,
    lock,
    lock_row,
    password_changed,
    recover,
    restore_block_marks,
    set_password_hash,
    undo_recovery,
    unlock,
    write_block_marks,
)
from idp.accounts.claims_cache import cached_claims, claims, invalidate_claims
from idp.accounts.deletion import (
    account_deleting,
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
from idp.accounts.lookup import (
    AccountLocked,
    Identifier,
    WrongCredentials,
    authenticate,
    authentication_still_valid,
    credentials_digest,
    find,
    find_by_identifier,
    find_by_nik,
    locale_of,
)
from idp.accounts.model import TERMS, Account, Contact
from idp.accounts.officers import assign_roles, correct_name, set_assurance_level
from idp.accounts.self_service import ChangedMeanwhile, change_password, forbidden_in_password, replace_contact, set_locale

__all__ = [
    "TERMS", "Account", "AccountLocked", "ChangedMeanwhile", "Contact", "ContactTaken", "Identifier", "NikTaken",
    "ReplacedCredentials", "WrongCredentials", "account_deleting", "account_erased", "account_erasing", "account_locked",
    "account_recovered", "assign_roles", "authenticate", "authentication_still_valid", "cached_claims", "cancel_deletion",
    "change_password", "claims", "contact_taken", "correct_name", "create", "credentials_digest", "deletion_due",
    "earliest_erasure", "erase", "erase_due", "find", "find_by_identifier", "find_by_nik", "forbidden_in_password", "in_use",
    "init_app", "invalidate_claims", "locale_of", "lock", "lock_row", "password_changed", "recover", "replace_contact",
    "request_deletion", "restore_block_marks", "set_assurance_level", "set_legal_hold", "set_locale", "set_password_hash",
    "undo_recovery", "unlock", "write_block_marks",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """Measures how many passwords this process may hash at once; gives templates the rules of `passwords`."""
    hashing.init_app(app)
    app.jinja_env.globals["passwords"] = passwords
