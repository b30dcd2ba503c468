"""Notices to a person about their account, by SMS and e-mail: what happened, when, and what to do if it was not them."""

from typing import Any

from flask import Flask

from idp import accounts
from idp.core import clock
from idp.notices.delivery import (
    MESSAGES,
    deliver_due,
    enqueue,
    notify,
    notify_each,
    notify_in_constant_time,
)
from idp.notices.history import DeliveryCount, DeliveryOutcome, delivery_counts, delivery_outcomes, of_account
from idp.notices.texts import (
    Notice,
    account_deleted,
    account_locked,
    account_unlocked,
    authenticators_changed,
    contact_attempt,
    contact_verified,
    contacts_changed,
    data_corrected,
    data_exported,
    deletion_cancelled,
    deletion_requested,
    new_device,
    password_changed,
    recovery_affirmed,
    recovery_completed,
    recovery_disputed,
    recovery_ready,
    recovery_started,
    recovery_vetoed,
    recovery_waits,
    registration_attempt,
    signed_out_everywhere,
)
from idp.storage import outbox

__all__ = [
    "DeliveryCount", "DeliveryOutcome", "MESSAGES", "Notice", "account_deleted", "account_locked", "account_unlocked",
    "authenticators_changed", "contact_attempt", "contact_verified", "contacts_changed", "data_corrected",
    "data_exported", "deletion_cancelled", "deletion_requested", "deliver_due", "delivery_counts", "delivery_outcomes",
    "enqueue", "init_app", "new_device", "notify", "notify_each", "notify_in_constant_time", "of_account",
    "password_changed", "recovery_affirmed", "recovery_completed", "recovery_disputed", "recovery_ready",
    "recovery_started", "recovery_vetoed", "recovery_waits", "registration_attempt", "signed_out_everywhere",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """An account that is erased takes its messages along, and is told so in a last one."""
    accounts.account_erasing.connect(_say_goodbye)


def _say_goodbye(_: Any, subject: str, contacts: list[Any]) -> None:
    outbox.erase(subject)
    notify(contacts, account_deleted(clock.now()))
