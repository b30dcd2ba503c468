"""Signing in with a password: one answer for every wrong pair, few tries, and hashes that renew themselves."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import thread_time
from typing import Any

import pytest
import time_machine
from flask import Flask

from idp import accounts
from idp.accounts import Account, AccountLocked, WrongCredentials, hashing
from idp.accounts.hashing import Busy
from idp.core.values import EmailAddress, Nik, PhoneNumber
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.storage.database import db
from idp.storage.redis_store import StoreUnavailable
from idp.storage.sealing import sealer
from idp.web import requests
from tests.account_rows import ANOTHER, PASSWORD, an_account, at_once, email, nik, nowhere, phone, put_contacts
from tests.waiting import wait_until

pytestmark = [pytest.mark.every_store, pytest.mark.usefixtures("clock")]

HERE, THERE = "203.0.113.7", "198.51.100.1"


@pytest.fixture
def budi(here: Flask) -> Account:
    return an_account(password=PASSWORD)


def sign_in(
    app: Flask, password: str = PASSWORD, identifier: Nik | PhoneNumber | EmailAddress | None = None, address: str = HERE
) -> str:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        return accounts.authenticate(identifier or nik(), password).subject


def wrong(act: Callable[[], Any]) -> None:
    with pytest.raises(WrongCredentials):
        act()


def limited(act: Callable[[], Any]) -> TooManyAttempts:
    with pytest.raises(TooManyAttempts) as fact:
        act()
    return fact.value


def limits(app: Flask, **amounts: int) -> None:
    app.extensions["idp.settings"] = app.extensions["idp.settings"].model_copy(update={"limits": amounts})
    app.extensions.pop("idp.limits", None)


def test_by_nik_phone_or_email(here: Flask, budi: Account) -> None:
    assert {sign_in(here, identifier=identifier) for identifier in (nik(), phone(), email())} == {budi.subject}


def test_every_wrong_pair_has_one_answer(here: Flask, budi: Account) -> None:
    an_account(2, password=ANOTHER)
    wrong(lambda: sign_in(here, ANOTHER))
    wrong(lambda: sign_in(here, identifier=nik(3)))
    wrong(lambda: sign_in(here, ""))
    wrong(lambda: sign_in(here, "x" * 5000))


def test_a_replaced_contact_signs_nobody_in(here: Flask, budi: Account) -> None:
    put_contacts(budi, phone(7), email(7))
    wrong(lambda: sign_in(here, identifier=phone()))
    assert sign_in(here, identifier=phone(7)) == budi.subject


def test_time_does_not_tell_who_has_an_account(here: Flask, budi: Account) -> None:
    limits(here, password_minute=1000, password_address=1000, password_half_day=1000)

    def work(identifier: Nik, password: str) -> float:
        begun = thread_time()
        wrong(lambda: sign_in(here, password, identifier))
        return thread_time() - begun

    for password in (ANOTHER, "x" * 5000):
        pairs = [(work(nik(), password), work(nik(3), password)) for _ in range(9)]
        known, unknown = map(min, zip(*pairs, strict=True))
        assert 0.5 < known / unknown < 2


def test_a_lock_is_told_to_whoever_knows_the_password(here: Flask, budi: Account) -> None:
    accounts.lock(budi, "tiket 4711")
    wrong(lambda: sign_in(here, ANOTHER))
    with pytest.raises(AccountLocked):
        sign_in(here)
    accounts.unlock(budi, "tiket 4711")
    assert sign_in(here) == budi.subject


@pytest.mark.parametrize("known", [True, False])
def test_five_wrong_a_minute_whether_or_not_there_is_an_account(
    here: Flask, budi: Account, clock: time_machine.Traveller, known: bool
) -> None:
    identifier = nik() if known else nik(3)
    for _ in range(5):
        wrong(lambda: sign_in(here, ANOTHER, identifier))
    refusal = limited(lambda: sign_in(here, PASSWORD, identifier))
    assert (refusal.limit, refusal.retry_after) == ("password_minute", 60)
    assert sign_in(here, identifier=phone(), address=THERE) == budi.subject
    clock.shift(60)
    wrong(lambda: sign_in(here, ANOTHER, identifier))


def test_right_ones_use_up_no_tries_of_the_person(here: Flask, budi: Account) -> None:
    limits(here, password_half_day=3)
    for _ in range(7):
        sign_in(here)


def test_an_address_tries_twenty_times_a_minute(here: Flask, budi: Account, clock: time_machine.Traveller) -> None:
    for number in range(20):
        wrong(lambda number=number: sign_in(here, identifier=nik(100 + number)))
    assert limited(lambda: sign_in(here)).limit == "password_address"
    assert sign_in(here, address=THERE) == budi.subject
    clock.shift(60)
    assert sign_in(here) == budi.subject


def test_fifty_in_half_a_day_whatever_one_signs_in_with_and_going_on_makes_it_longer(
    here: Flask, budi: Account, clock: time_machine.Traveller
) -> None:
    limits(here, password_half_day=4)
    for identifier in (nik(), phone(), email(), nik()):
        wrong(lambda identifier=identifier: sign_in(here, ANOTHER, identifier))
    clock.shift(12 * 3600 - 60)
    for _ in range(4):
        assert limited(lambda: sign_in(here)).limit == "password_half_day"
    clock.shift(60)
    assert limited(lambda: sign_in(here)).retry_after > 11 * 3600
    assert sign_in(here, address=THERE) == budi.subject


def test_guesses_sent_all_at_once_are_counted_before_they_are_looked_at(here: Flask, budi: Account) -> None:
    limits(here, password_minute=1000, password_address=1000, password_half_day=2)
    outcomes = at_once(here, [lambda: sign_in(here, ANOTHER)] * 6)
    assert outcomes == Counter(WrongCredentials=2, TooManyAttempts=4)


def test_nobody_guesses_uncounted(here: Flask, budi: Account) -> None:
    here.extensions["idp.storage.redis_store"] = nowhere()
    with pytest.raises(StoreUnavailable):
        sign_in(here)


def test_being_asked_to_come_back_is_no_try(here: Flask, budi: Account) -> None:
    index = sealer().index(nik().value, "sign-in")
    with line_full_of(here, hashing.MAX_PENDING_HASHES), pytest.raises(Busy):
        sign_in(here)
    assert rate_limits.remaining("password_minute", index, HERE) == 5
    assert rate_limits.remaining("password_half_day", budi.subject, HERE) == 50
    assert sign_in(here) == budi.subject


def test_a_hash_of_yesterday_is_renewed_by_the_next_sign_in(here: Flask, budi: Account) -> None:
    before, changed = budi.password_hash, budi.password_changed_at
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"argon2_iterations": 3})
    wrong(lambda: sign_in(here, ANOTHER))
    assert budi.password_hash == before
    sign_in(here)
    db.session.expire_all()
    assert "t=3" in budi.password_hash
    assert budi.password_changed_at == changed, "it is the same password"
    assert sign_in(here) == budi.subject


@contextmanager
def line_full_of(app: Flask, number: int) -> Iterator[None]:
    """So many hashes wait in the line, of nobody's address."""
    line, done = app.extensions["idp.hashing"], threading.Event()
    waiting = [
        threading.Thread(target=line.run, args=(hashing.Turn.KNOWN_BROWSER, None, lambda: done.wait(60))) for _ in range(number)
    ]
    for thread in waiting:
        thread.start()
    wait_until(lambda: line.pending >= number)
    try:
        yield
    finally:
        done.set()
        for thread in waiting:
            thread.join()


def test_a_storm_of_strangers_leaves_places_for_known_browsers(here: Flask, budi: Account) -> None:
    """S24: the last places in the line are for browsers that the account has been used in for long."""
    ordinary = hashing.MAX_PENDING_HASHES - hashing.PLACES_KEPT[hashing.Turn.ORDINARY]
    with line_full_of(here, ordinary):
        with pytest.raises(Busy):
            sign_in(here)
        with here.app_context():
            line = here.extensions["idp.hashing"]
            line._enter(hashing.Turn.KNOWN_BROWSER, None)
            line._leave(None)
    assert sign_in(here) == budi.subject


def test_one_address_does_not_fill_the_line(here: Flask) -> None:
    """S24: one address has a few places, whatever it asks to be hashed."""
    line = here.extensions["idp.hashing"]
    for _ in range(hashing.MAX_PENDING_OF_ADDRESS):
        line._enter(hashing.Turn.ORDINARY, "192.0.2.1")
    with pytest.raises(Busy):
        line._enter(hashing.Turn.ORDINARY, "192.0.2.1")
    line._enter(hashing.Turn.ORDINARY, "192.0.2.2")
    for address in ["192.0.2.1"] * hashing.MAX_PENDING_OF_ADDRESS + ["192.0.2.2"]:
        line._leave(address)
    assert line.pending == 0


def test_guesses_from_everywhere_delay_strangers_and_not_the_known_browser(here: Flask, budi: Account) -> None:
    """S23: no limit counted an account alone; now its guesses from any address are delayed, its own browser is not."""
    for number in range(20):
        with here.test_request_context(environ_base={"REMOTE_ADDR": f"192.0.2.{number}"}):
            wrong(lambda: accounts.authenticate(nik(), ANOTHER))
    with here.test_request_context(environ_base={"REMOTE_ADDR": "198.51.100.7"}):
        with pytest.raises(TooManyAttempts) as delayed:
            accounts.authenticate(nik(), PASSWORD)
        assert (delayed.value.limit, delayed.value.retry_after) == ("password", 30)
        assert accounts.authenticate(nik(), PASSWORD, lambda subject: subject == budi.subject).subject == budi.subject
        assert accounts.authenticate(nik(), PASSWORD).subject == budi.subject, "a right password ends the row"


def test_an_ipv6_line_is_one_address_and_its_provider_twenty(here: Flask, budi: Account) -> None:
    """S23: a /64 has 2^64 addresses and one share of tries; a /48 has twenty."""

    def guess(address: str) -> str:
        with here.test_request_context(environ_base={"REMOTE_ADDR": address}):
            try:
                rate_limits.hit("password_address", requests.client_network())
            except TooManyAttempts:
                return "refused"
        return "looked at"

    within = [guess(f"2001:db8:1:1::{number:x}") for number in range(1, 22)]
    assert within == ["looked at"] * 20 + ["refused"]
    lines = [guess(f"2001:db8:1:{line:x}::{number:x}") for line in range(2, 22) for number in range(1, 21)]
    assert lines.count("looked at") == 380
    assert guess("2001:db8:2:1::1") == "looked at"
    assert guess("::ffff:192.0.2.9") == "looked at"
