"""Times as people in Indonesia read them: in WIB, with the zone named, in the language of the page."""

import math
from datetime import datetime, timedelta

from babel.dates import format_datetime, format_timedelta
from flask import Flask
from flask_babel import get_locale

from idp.core import clock
from idp.core.languages import _


def clock_time(moment: datetime) -> str:
    """`14.03 WIB` (English: `14:03 WIB`)."""
    # Translators: how a time of day is written (CLDR date pattern).
    return _formatted(moment, _("HH.mm"))


def date_and_time(moment: datetime) -> str:
    """`5 Mei 2025 pukul 14.03 WIB` (English: `5 May 2025, 14:03 WIB`)."""
    # Translators: how day and time are written (CLDR date pattern, words between single quotes).
    return _formatted(moment, _("d MMMM y 'pukul' HH.mm"))


def day(moment: datetime) -> str:
    """`Senin, 5 Mei 2025` (English: `Monday, 5 May 2025`): the day in WIB."""
    # Translators: how a day is written as a heading (CLDR date pattern).
    return format_datetime(clock.wib(moment), _("EEEE, d MMMM y"), locale=get_locale())


def short_time(moment: datetime) -> str:
    """`05/05 14.03 WIB`, for an SMS."""
    # Translators: how day and time are written in an SMS (CLDR date pattern).
    return _formatted(moment, _("dd/MM HH.mm"))


def in_seconds(seconds: int) -> datetime:
    """The moment so many seconds from now."""
    return clock.now() + timedelta(seconds=seconds)


def minutes(seconds: int) -> str:
    """`5 menit` (English: `5 minutes`, `1 minute`): whole minutes that cover `seconds`, at least one, so that nobody is
    told to come back too early."""
    whole = timedelta(minutes=max(1, -(-seconds // 60)))
    # A threshold that nothing reaches: an hour stays «60 menit».
    return format_timedelta(whole, granularity="minute", threshold=math.inf, locale=get_locale())


def init_app(app: Flask) -> None:
    """Filters `clock_time`, `date_and_time`, `day`, `minutes`; global `in_seconds`."""
    app.jinja_env.filters |= {
        "clock_time": clock_time,
        "date_and_time": date_and_time,
        "day": day,
        "minutes": minutes,
    }
    app.jinja_env.globals |= {"in_seconds": in_seconds}


def _formatted(moment: datetime, pattern: str) -> str:
    return f"{format_datetime(clock.wib(moment), pattern, locale=get_locale())} WIB"
