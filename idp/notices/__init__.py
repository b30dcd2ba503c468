"""Notices to a person about their account, by SMS and e-mail: what happened, when, and what to do if it was not them."""

from idp.notices.delivery import deliver_due, post, send, tell
from idp.notices.outbox import write
from idp.notices.words import (
    AUTHENTICATOR_CHANGES,
    Notice,
    account_locked,
    account_unlocked,
    authenticators_changed,
    contacts_changed,
    deletion_cancelled,
    deletion_requested,
    identity_recovered,
    new_device,
    password_changed,
    recovered,
    recovery_started,
    registration_attempt,
    signed_out_everywhere,
)

__all__ = [
    "AUTHENTICATOR_CHANGES", "Notice", "account_locked", "account_unlocked", "authenticators_changed", "contacts_changed",
    "deletion_cancelled", "deletion_requested", "deliver_due", "identity_recovered", "new_device", "password_changed", "post",
    "recovered", "recovery_started", "registration_attempt", "send", "signed_out_everywhere", "tell", "write",
]  # fmt: skip
