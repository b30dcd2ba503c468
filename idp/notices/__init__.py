"""Notices to a person about their account, by SMS and e-mail: what happened, when, and what to do if it was not them."""

from idp.notices.delivery import tell
from idp.notices.words import (
    AUTHENTICATOR_CHANGES,
    Notice,
    authenticators_changed,
    contacts_changed,
    identity_recovered,
    password_changed,
    recovered,
    recovery_started,
    registration_attempt,
)

__all__ = [
    "AUTHENTICATOR_CHANGES", "Notice", "authenticators_changed", "contacts_changed", "identity_recovered", "password_changed",
    "recovered", "recovery_started", "registration_attempt", "tell",
]  # fmt: skip
