"""Notices to a person about their account, by SMS and e-mail: what happened, when, and what to do if it was not them."""

from typing import Any

from flask import Flask
from sqlalchemy import Connection

from idp import accounts
from idp.core import clock
from idp.notices import outbox
from idp.notices.delivery import deliver_due, post, send, tell, tell_each
from idp.notices.outbox import Fate, Standing, fates, of_account, standing, write, write_each
from idp.notices.recoveries import (
    recovered,
    recovery_affirmed,
    recovery_frozen,
    recovery_ready,
    recovery_started,
    recovery_vetoed,
    recovery_waits,
)
from idp.notices.words import (
    AUTHENTICATOR_CHANGES,
    Notice,
    account_deleted,
    account_locked,
    account_unlocked,
    authenticators_changed,
    contact_attempt,
    contacts_changed,
    data_corrected,
    data_exported,
    deletion_cancelled,
    deletion_requested,
    new_device,
    password_changed,
    registration_attempt,
    signed_out_everywhere,
)

__all__ = [
    "AUTHENTICATOR_CHANGES", "Fate", "Notice", "Standing", "account_deleted", "account_locked", "account_unlocked",
    "authenticators_changed", "contact_attempt", "contacts_changed", "data_corrected", "data_exported", "deletion_cancelled",
    "deletion_requested", "deliver_due", "fates", "init_app", "new_device", "of_account", "password_changed", "post", "recovered",
    "recovery_affirmed", "recovery_frozen", "recovery_ready", "recovery_started", "recovery_vetoed", "recovery_waits",
    "registration_attempt", "send", "signed_out_everywhere", "standing", "tell", "tell_each", "write", "write_each",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """An account that is erased takes its messages along, and is told so in a last one."""
    accounts.erasing.connect(_say_goodbye)


def _say_goodbye(_: Any, subject: str, contacts: list[Any], connection: Connection) -> None:
    outbox.erase(subject, connection)
    write(contacts, account_deleted(clock.now()), None, connection)
