"""Notices to a person about their account, by SMS and e-mail: what happened, when, and what to do if it was not them."""

from idp.notices.delivery import deliver_due, post, send, tell, tell_each
from idp.notices.outbox import Fate, Standing, fates, standing, write, write_each
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
    account_locked,
    account_unlocked,
    authenticators_changed,
    contacts_changed,
    deletion_cancelled,
    deletion_requested,
    new_device,
    password_changed,
    registration_attempt,
    signed_out_everywhere,
)

__all__ = [
    "AUTHENTICATOR_CHANGES", "Fate", "Notice", "Standing", "account_locked", "account_unlocked", "authenticators_changed",
    "contacts_changed", "deletion_cancelled", "deletion_requested", "deliver_due", "fates", "new_device", "password_changed",
    "post", "recovered", "recovery_affirmed", "recovery_frozen", "recovery_ready", "recovery_started", "recovery_vetoed",
    "recovery_waits", "registration_attempt", "send", "signed_out_everywhere", "standing", "tell", "tell_each",
    "write", "write_each",
]  # fmt: skip
