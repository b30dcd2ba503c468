"""Wrong attempts in a row delay the next one, over all addresses, and never lock anybody out."""

import pytest
import time_machine
from flask import Flask

from idp.limits import streaks
from idp.limits.rate_limits import TooManyAttempts
from tests.account_rows import at_once

pytestmark = pytest.mark.usefixtures("clock")


def wait_for(subject: str) -> int:
    try:
        streaks.attempt("password", subject)
    except TooManyAttempts as delayed:
        return delayed.retry_after
    return 0


def test_the_delay_begins_at_twenty_and_grows(here: Flask, clock: time_machine.Traveller) -> None:
    """S23: guesses from any number of addresses are delayed together."""
    longest = []
    for _ in range(100):
        wait = wait_for("siti")
        if wait:
            longest.append(wait)
            clock.shift(wait)
            assert wait_for("siti") == 0, "after the wait one attempt is looked at"
    assert longest[0] == 30
    assert sorted(set(longest)) == [30, 120, 600, 1800]
    assert longest == sorted(longest)
    assert wait_for("budi") == 0


def test_success_begins_anew(here: Flask) -> None:
    for _ in range(20):
        streaks.attempt("password", "siti")
    assert wait_for("siti") == 30
    streaks.succeeded("password", "siti")
    assert wait_for("siti") == 0


def test_of_many_guesses_at_once_no_more_pass_than_in_a_row(here: Flask) -> None:
    outcomes = at_once(here, [lambda: streaks.attempt("password", "siti")] * 40)
    assert outcomes == {"done": 20, "TooManyAttempts": 20}
