"""Accounts: who a person is to us, how they are found, proved by password, and changed."""

from flask import Flask

from idp.accounts import passwords
from idp.accounts.changes import (
    ContactTaken,
    NikTaken,
    Replaced,
    account_locked,
    contact_taken,
    create,
    lock,
    mark_blocked,
    password_changed,
    recover,
    recovered,
    remark_blocked,
    replace_contacts,
    replace_password,
    restore,
    set_password_hash,
    unlock,
)
from idp.accounts.deletion import (
    account_deleting,
    cancel_deletion,
    earliest_end,
    erase,
    erase_due,
    erased,
    erasing,
    hold,
    request_deletion,
)
from idp.accounts.lookup import (
    AccountLocked,
    Identifier,
    WrongCredentials,
    authenticate,
    find,
    find_by_identifier,
    find_by_nik,
    locale_of,
    stands,
)
from idp.accounts.model import TERMS, Account, Contact
from idp.accounts.officers import assign_roles, assure, correct_name
from idp.accounts.own_changes import ChangedMeanwhile, change_password, own_data, replace_contact, set_locale
from idp.accounts.snapshot import changed, claims, snapshot

__all__ = [
    "TERMS", "Account", "AccountLocked", "ChangedMeanwhile", "Contact", "ContactTaken", "Identifier", "NikTaken",
    "Replaced", "WrongCredentials", "account_deleting", "account_locked", "assign_roles", "assure", "authenticate",
    "cancel_deletion", "change_password", "changed", "claims", "contact_taken", "correct_name", "create",
    "earliest_end", "erase", "erase_due", "erased", "erasing", "find", "find_by_identifier", "find_by_nik", "hold",
    "init_app", "locale_of", "lock", "mark_blocked", "own_data", "password_changed", "recover", "recovered",
    "remark_blocked", "replace_contact", "replace_contacts", "replace_password", "request_deletion", "restore",
    "set_locale", "set_password_hash", "snapshot", "stands", "unlock",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """Measures how many passwords this process may hash at once."""
    passwords.init_app(app)
