"""Browsers that an account was used in: known by a cookie, each account for itself, forgotten when its owner may have changed."""

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from idp.accounts import generations
from idp.core.clock import timestamp
from idp.core.values import ACR_DATA, Authentication
from idp.gateways.outbox import messages
from idp.sessions import known_devices
from idp.storage.database import db
from tests.account_rows import ANOTHER, an_account, at_once, email, put_password, the


class Browser:
    """One browser of a test: it keeps its cookie."""

    def __init__(self, app: Flask) -> None:
        self.app, self.cookie = app, ""

    def signs_in(self, subject: str) -> None:
        with self._request():
            response = self.app.make_response("")
            proved = Authentication(subject, ("pwd",), timestamp(), ACR_DATA, generation=generations.current(subject))
            known_devices.remember_and_notify(proved, response)
            self.cookie = response.headers["Set-Cookie"].partition(";")[0]

    def is_known_to(self, subject: str) -> bool:
        with self._request():
            return known_devices.is_known(subject)

    def is_long_known_to(self, subject: str) -> bool:
        with self._request():
            return known_devices.is_long_known(subject)

    def last_seen_elsewhere(self, subject: str) -> int | None:
        with self._request():
            return known_devices.last_seen_elsewhere(subject)

    def _request(self):  # type: ignore[no-untyped-def]
        return self.app.test_request_context(headers={"Cookie": self.cookie})


@pytest.mark.every_store
def test_each_account_knows_its_own_browsers(here: Flask, clock: time_machine.Traveller) -> None:
    siti, budi = an_account(1).subject, an_account(2).subject
    phone, cafe = Browser(here), Browser(here)
    phone.signs_in(siti)
    then = timestamp()
    clock.shift(100)
    cafe.signs_in(budi)
    cafe.signs_in(siti)
    assert (phone.is_known_to(siti), phone.is_known_to(budi), cafe.is_known_to(budi)) == (True, False, True)
    assert not Browser(here).is_known_to(siti)
    assert cafe.last_seen_elsewhere(siti) == then
    assert cafe.last_seen_elsewhere(budi) is None
    assert Browser(here).last_seen_elsewhere(siti) == then + 100


def test_no_browser_of_before_a_change_is_known_after_it_and_a_sign_in_there_is_told(here: Flask) -> None:
    """S7: a browser once used with a stolen password is not the owner's after a new one."""
    subject, browser = an_account().subject, Browser(here)
    browser.signs_in(subject)
    put_password(the(subject), ANOTHER)
    assert not browser.is_known_to(subject)
    browser.signs_in(subject)
    assert browser.is_known_to(subject)
    here.extensions.pop("idp.core.background").shutdown()
    assert "perangkat" in messages(email().value)[-1].text


def test_thirty_days_of_being_known_begin_again_with_a_change(here: Flask, clock: time_machine.Traveller) -> None:
    """S7: what weighs in a recovery is a browser known for 30 days since the last change."""
    subject, browser = an_account().subject, Browser(here)
    browser.signs_in(subject)
    clock.shift(31 * 86400)
    assert browser.is_long_known_to(subject)
    put_password(the(subject), ANOTHER)
    browser.signs_in(subject)
    assert not browser.is_long_known_to(subject)
    clock.shift(31 * 86400)
    assert browser.is_long_known_to(subject)


@pytest.mark.every_store
def test_two_tabs_at_once_are_one_browser(here: Flask) -> None:
    subject, browser = an_account().subject, Browser(here)
    browser.signs_in(an_account(2).subject)

    def tab() -> None:
        copy = Browser(here)
        copy.cookie = browser.cookie
        copy.signs_in(subject)

    assert at_once(here, [tab] * 4) == {"done": 4}
    assert browser.is_known_to(subject)


@pytest.mark.parametrize("cookie", ["", "idp_known=", "idp_known=short", "idp_known=" + "x" * 5000])
def test_a_cookie_that_is_none_of_ours_knows_nobody(here: Flask, cookie: str) -> None:
    subject, browser = an_account().subject, Browser(here)
    browser.cookie = cookie
    assert not browser.is_known_to(subject)
    browser.signs_in(subject)
    assert browser.is_known_to(subject)


def test_who_shares_a_browser_is_not_to_be_seen_in_the_table(here: Flask) -> None:
    browser = Browser(here)
    for number in (1, 2):
        browser.signs_in(an_account(number).subject)
    with db.engine.connect() as connection:
        digests = set(connection.scalars(select(known_devices.DEVICES.c.digest)))
    assert len(digests) == 2


def test_the_first_sign_in_for_long_is_told_though_no_browser_is_known_any_more(
    here: Flask, clock: time_machine.Traveller
) -> None:
    account = an_account()
    clock.shift(known_devices.NEW_ACCOUNT_SECONDS)
    Browser(here).signs_in(account.subject)
    here.extensions.pop("idp.core.background").shutdown()
    assert "perangkat" in messages(email().value)[-1].text
