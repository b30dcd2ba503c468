"""Notices to a person about their account, by SMS and e-mail: what happened, when, and what to do if it was not them."""

from typing import Any

from flask import Flask
from sqlalchemy import Connection

from idp import accounts
from idp.core import clock
from idp.notices import outbox
from idp.notices.delivery import deliver_due, notify, notify_each_in_constant_time, notify_in_constant_time, send
from idp.notices.outbox import (
    DeliveryCount,
    DeliveryOutcome,
    delivery_counts,
    delivery_outcomes,
    enqueue,
    enqueue_each,
    of_account,
)
from idp.notices.texts import (
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

__all__ = [
    "DeliveryCount", "DeliveryOutcome", "Notice", "account_deleted", "account_locked",
    "account_unlocked", "authenticators_changed", "contact_attempt", "contacts_changed", "data_corrected", "data_exported",
    "deletion_cancelled", "deletion_requested", "deliver_due", "delivery_counts", "delivery_outcomes", "enqueue",
    "enqueue_each", "init_app", "new_device", "notify", "notify_each_in_constant_time", "notify_in_constant_time",
    "of_account", "password_changed", "recovery_affirmed", "recovery_completed", "recovery_disputed", "recovery_ready",
    "recovery_started", "recovery_vetoed", "recovery_waits", "registration_attempt", "send", "signed_out_everywhere",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """An account that is erased takes its messages along, and is told so in a last one."""
    accounts.account_erasing.connect(_say_goodbye)


def _say_goodbye(_: Any, subject: str, contacts: list[Any], connection: Connection) -> None:
    outbox.erase(subject, connection)
    enqueue(contacts, account_deleted(clock.now()), None, connection)
