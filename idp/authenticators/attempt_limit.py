"""The one count of wrong codes of an account, whichever kind it guesses at."""

from collections.abc import Callable

from idp.audit import trail
from idp.limits import rate_limits


class WrongFactor(Exception):
    """What was given proves nothing, or was used before; which of the two is not told."""


def verify_within_limit(subject: str, kind: str, judge: Callable[[], bool]) -> None:
    """Returns when `judge` says yes; raises WrongFactor, and TooManyAttempts after ten in the hour.

    Counted before it is judged and given back when right, so that guesses sent all at once are counted too.
    """
    rate_limits.hit("otp_wrong_account", subject, "second_factor")
    if not judge():
        trail.record("second_factor_failed", account=subject, kind=kind)
        raise WrongFactor
    rate_limits.give_back("otp_wrong_account", subject, "second_factor")
    trail.record("second_factor", account=subject, kind=kind)
