"""Times on pages: WIB, named, in the page's language, and never too early."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask_babel import force_locale

from idp.web import times

MOMENT = datetime(2026, 3, 1, 17, 5, tzinfo=UTC)  # already 2 March in Jakarta


def test_times_are_in_wib_and_say_so(app: Flask) -> None:
    with app.test_request_context():
        with force_locale("id"):
            assert times.clock_time(MOMENT) == "00.05 WIB"
            assert times.date_and_time(MOMENT) == "2 Maret 2026 pukul 00.05 WIB"
        with force_locale("en"):
            assert times.clock_time(MOMENT) == "00:05 WIB"
            assert times.date_and_time(MOMENT) == "2 March 2026, 00:05 WIB"


@pytest.mark.parametrize(
    ("seconds", "indonesian", "english"),
    [(0, "1 menit", "1 minute"), (60, "1 menit", "1 minute"), (61, "2 menit", "2 minutes"), (3600, "60 menit", "60 minutes")],
)
def test_minutes_are_rounded_up_and_counted_as_each_language_counts(
    app: Flask, seconds: int, indonesian: str, english: str
) -> None:
    """U17: «1 minutes»."""
    with app.test_request_context():
        for locale, told in (("id", indonesian), ("en", english)):
            with force_locale(locale):
                assert times.minutes(seconds) == told
