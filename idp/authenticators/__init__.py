"""Second factors and passkeys: what an account proves itself with besides its password."""

from idp.authenticators import passkeys, recovery_codes, remembered_devices, totp
from idp.authenticators.attempt_limit import WrongFactor
from idp.authenticators.enrolled import Enrolled, PasskeySummary, enrolled_for, had_second_factor, restore_all, suspend_all

__all__ = [
    "Enrolled", "PasskeySummary", "WrongFactor", "enrolled_for", "had_second_factor", "needs_second_factor",
    "passkeys", "recovery_codes", "remembered_devices", "restore_all", "suspend_all", "totp",
]  # fmt: skip


def needs_second_factor(subject: str) -> bool:
    """Whether this account has a second factor and this request's browser is not excused from giving it."""
    return enrolled_for(subject).any and not remembered_devices.is_remembered(subject)
