"""Second factors and passkeys: what an account proves itself with besides its password."""

from typing import Any

from flask import Flask

from idp import accounts
from idp.authenticators import passkeys, recovery_codes, remembered_devices, totp
from idp.authenticators.attempt_limit import WrongFactor
from idp.authenticators.enrolled import Enrolled, PasskeySummary, enrolled_for, had_second_factor, restore_all, suspend_all

__all__ = [
    "Enrolled", "PasskeySummary", "WrongFactor", "enrolled_for", "had_second_factor", "init_app", "needs_second_factor",
    "passkeys", "recovery_codes", "remembered_devices", "restore_all", "suspend_all", "totp",
]  # fmt: skip


def init_app(app: Flask) -> None:
    """A change of password forgets every browser. A recovery suspends them, with all else (`suspend_all`)."""
    accounts.password_changed.connect(_forget_devices)


def needs_second_factor(subject: str) -> bool:
    """Whether this account has a second factor and this request's browser is not excused from giving it."""
    return enrolled_for(subject).any and not remembered_devices.is_remembered(subject)


def _forget_devices(sender: Any, subject: str, **_: Any) -> None:
    remembered_devices.forget_all(subject)
