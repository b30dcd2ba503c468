"""Times as people in Indonesia read them: in WIB, with the zone named, in the language of the page."""

from datetime import datetime, timedelta

from babel.dates import format_datetime
from flask import Flask
from flask_babel import get_locale

from idp.core import clock


def clock_time(moment: datetime) -> str:
    """`14.03 WIB` (English: `14:03 WIB`)."""
    return f"{format_datetime(clock.wib(moment), _pattern(), locale=get_locale())} WIB"


def date_and_time(moment: datetime) -> str:
    """`5 Mei 2025 pukul 14.03 WIB` (English: `5 May 2025, 14:03 WIB`)."""
    between = "d MMMM y 'pukul' " if _indonesian() else "d MMMM y, "
    return f"{format_datetime(clock.wib(moment), between + _pattern(), locale=get_locale())} WIB"


def in_seconds(seconds: int) -> datetime:
    """The moment so many seconds from now."""
    return clock.now() + timedelta(seconds=seconds)


def minutes(seconds: int) -> int:
    """Whole minutes that cover `seconds`, at least one: nobody is told to come back too early."""
    return max(1, -(-seconds // 60))


def init_app(app: Flask) -> None:
    """Filters `clock_time`, `date_and_time`, `minutes`; global `in_seconds`, and Babel's `get_locale`."""
    app.jinja_env.filters |= {"clock_time": clock_time, "date_and_time": date_and_time, "minutes": minutes}
    app.jinja_env.globals |= {"in_seconds": in_seconds, "get_locale": get_locale}


def _pattern() -> str:
    return "HH.mm" if _indonesian() else "HH:mm"


def _indonesian() -> bool:
    return str(get_locale()) == "id"
