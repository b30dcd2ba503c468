"""The only place that asks what time it is, so that tests can move the clock in one place."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

WIB = ZoneInfo("Asia/Jakarta")


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def timestamp() -> int:
    """Seconds since 1970, whole, as `iat`, `exp` and `auth_time` want them (RFC 7519 section 2, NumericDate)."""
    return int(datetime.now(UTC).timestamp())


def from_timestamp(seconds: float) -> datetime:
    """The moment `seconds` after 1970, aware, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def wib(moment: datetime) -> datetime:
    """The same moment on a clock in Jakarta, as pages show it."""
    return moment.astimezone(WIB)


def monotonic() -> float:
    """Seconds on a clock that never jumps, for deadlines within one process."""
    return time.monotonic()
