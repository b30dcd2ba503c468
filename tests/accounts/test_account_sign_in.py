"""Signing in with a password: one answer for every wrong pair, few tries, and hashes that renew themselves."""

from collections import Counter
from collections.abc import Callable
from time import thread_time
from typing import Any

import pytest
import time_machine
from flask import Flask

from idp import accounts
from idp.accounts import Account, AccountLocked, WrongCredentials, passwords
from idp.accounts.passwords import Busy
from idp.core.values import EmailAddress, Nik, PhoneNumber
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.storage.database import db
from idp.storage.redis_store import StoreUnavailable
from idp.storage.sealing import sealer
from tests.account_rows import ANOTHER, PASSWORD, an_account, at_once, email, nik, nowhere, phone

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
    accounts.replace_contacts(budi, phone(7), email(7))
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
    places, index = here.extensions["idp.hashing"].places, sealer().index(nik().value, "sign-in")
    for _ in range(passwords.MAX_PENDING_HASHES):
        places.acquire()
    try:
        with pytest.raises(Busy):
            sign_in(here)
    finally:
        places.release(passwords.MAX_PENDING_HASHES)
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
