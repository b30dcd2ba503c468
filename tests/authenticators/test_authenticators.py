"""What an account enrols: each code once, in no order that goes back, and never somebody else's."""

import time

import pyotp
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError

from idp import accounts, authenticators
from idp.authenticators import WrongFactor, recovery_codes, remembered_devices, totp
from idp.authenticators.model import Authenticator, RememberedDevice
from idp.core.clock import timestamp as now
from idp.limits import rate_limits
from idp.storage.database import db
from tests.account_rows import an_account, at_once

pytestmark = pytest.mark.every_store


@pytest.fixture
def siti(here: Flask):
    with here.test_request_context():
        yield an_account(1).subject


def enrolled(subject, clock):
    key = totp.new_key()
    totp.enrol(subject, key, pyotp.TOTP(key).now())
    clock.shift(60)
    return pyotp.TOTP(key)


def test_the_key_is_kept_sealed(siti, clock):
    app = enrolled(siti, clock)
    row = db.session.scalars(select(Authenticator)).one()
    assert app.secret not in row.secret
    assert repr(row) == "<Authenticator totp>"


def test_the_code_that_set_the_app_up_counts_as_used(siti, clock):
    key = totp.new_key()
    code = pyotp.TOTP(key).now()
    totp.enrol(siti, key, code)
    with pytest.raises(WrongFactor):
        totp.verify(siti, code)


def test_a_phone_may_be_half_a_minute_off_and_no_more(siti, clock):
    app = enrolled(siti, clock)
    for seconds, right in ((-90, False), (-30, True), (0, True), (30, True), (90, False)):
        code = app.at(int(time.time()) + seconds)
        if right:
            totp.verify(siti, code)
        else:
            with pytest.raises(WrongFactor):
                totp.verify(siti, code)


def test_of_twenty_that_bring_one_code_at_once_one_gets_in(siti, here, clock):
    code = enrolled(siti, clock).now()
    outcomes = at_once(here, [lambda: totp.verify(siti, code)] * 20)
    assert outcomes["done"] == 1
    assert outcomes["WrongFactor"] + outcomes["TooManyAttempts"] == 19


def test_of_two_apps_set_up_at_once_one_stays(siti, here, clock):
    keys = [totp.new_key(), totp.new_key()]
    outcomes = at_once(here, [lambda k=k: totp.enrol(siti, k, pyotp.TOTP(k).now()) for k in keys])
    assert outcomes == {"done": 1, "AlreadyEnrolled": 1}


def test_of_ten_that_bring_one_recovery_code_at_once_one_gets_in(siti, here, clock):
    code = recovery_codes.regenerate(siti)[0]
    assert at_once(here, [lambda: recovery_codes.verify(siti, code)] * 10)["done"] == 1


def test_one_app_at_a_time(siti, clock):
    enrolled(siti, clock)
    with pytest.raises(totp.AlreadyEnrolled):
        enrolled(siti, clock)
    assert totp.remove(siti)
    assert not totp.remove(siti)
    enrolled(siti, clock)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 70), st.integers(-2, 2)), max_size=12))
def test_whatever_is_tried_when_the_steps_that_get_in_only_grow(siti, clock, moves):
    db.session.execute(delete(Authenticator).where(Authenticator.subject == siti))
    db.session.commit()
    app, accepted = enrolled(siti, clock), []
    for seconds, ahead in moves:
        clock.shift(seconds)
        rate_limits.clear("otp_wrong_account", siti, "second_factor")
        step = int(time.time()) // 30 + ahead
        try:
            totp.verify(siti, app.generate_otp(step))
        except WrongFactor:
            continue
        accepted.append(step)
    assert accepted == sorted(set(accepted))


def test_new_recovery_codes_end_the_old_ones(siti):
    old, new = recovery_codes.regenerate(siti), recovery_codes.regenerate(siti)
    assert authenticators.enrolled_for(siti).recovery_codes_left == 10
    assert not set(old) & set(new)
    with pytest.raises(WrongFactor):
        recovery_codes.verify(siti, old[0])
    recovery_codes.verify(siti, new[0])
    assert authenticators.enrolled_for(siti).recovery_codes_left == 9


def test_recovery_codes_are_nobody_elses_and_kept_as_indexes_only(siti):
    budi = an_account(2).subject
    codes = recovery_codes.regenerate(siti)
    recovery_codes.regenerate(budi)
    assert authenticators.enrolled_for(siti).recovery_codes_left == 10
    with pytest.raises(WrongFactor):
        recovery_codes.verify(budi, codes[0])
    rows = db.session.execute(text("SELECT * FROM authenticators")).all()
    assert len(rows) == 20
    assert not any(code.replace("-", "") in str(row) for code in codes for row in rows)


def test_two_who_ask_for_new_codes_at_once_leave_ten(siti, here, clock):
    assert at_once(here, [lambda: recovery_codes.regenerate(siti)] * 4) == {"done": 4}
    assert authenticators.enrolled_for(siti).recovery_codes_left == 10


def test_recovery_codes_alone_are_no_second_factor(siti):
    recovery_codes.regenerate(siti)
    assert not authenticators.enrolled_for(siti).any
    assert not authenticators.needs_second_factor(siti)


def test_what_is_restored_takes_the_place_of_what_came_meanwhile(siti, clock):
    owner = enrolled(siti, clock)
    authenticators.suspend_all(siti, "recovery-1")
    since = now()
    thief = enrolled(siti, clock)
    assert authenticators.restore_all(siti, "recovery-1", since) == 1
    with pytest.raises(WrongFactor):
        totp.verify(siti, thief.now())
    totp.verify(siti, owner.now())


def test_what_nobody_can_be_told_of_does_not_happen(siti, clock):
    """The notice is kept in the step of the change: where it cannot be, there is no change."""
    app = enrolled(siti, clock)
    db.session.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
    db.session.commit()
    try:
        for change in (lambda: totp.remove(siti), lambda: recovery_codes.regenerate(siti)):
            with pytest.raises(DBAPIError):
                change()
    finally:
        db.session.rollback()
        db.session.execute(text("ALTER TABLE elsewhere RENAME TO outbox"))
        db.session.commit()
    totp.verify(siti, app.now())
    assert not authenticators.enrolled_for(siti).recovery_codes_left


def test_where_nothing_was_enrolled_before_the_thief_still_leaves_nothing_behind(siti, here, clock):
    authenticators.suspend_all(siti, "recovery-1")
    since = now()
    thief = enrolled(siti, clock)
    recovery_codes.regenerate(siti)
    remembered_devices.remember(siti, here.response_class(), accounts.generations.current(siti))
    assert authenticators.restore_all(siti, "recovery-1", since) == 0
    with pytest.raises(WrongFactor):
        totp.verify(siti, thief.now())
    assert not authenticators.enrolled_for(siti).recovery_codes_left
    assert not remembered_devices.count(siti)


def test_what_was_enrolled_long_before_another_recovery_stays(siti, clock):
    owner = enrolled(siti, clock)
    clock.shift(60)
    assert authenticators.restore_all(siti, "recovery-2", now()) == 0
    totp.verify(siti, owner.now())


def test_browsers_are_excused_again_after_a_veto(siti, here, clock):
    remembered_devices.remember(siti, here.response_class(), accounts.generations.current(siti))
    authenticators.suspend_all(siti, "recovery-1")
    assert not remembered_devices.count(siti)
    authenticators.restore_all(siti, "recovery-2", now())
    assert not remembered_devices.count(siti)
    authenticators.restore_all(siti, "recovery-1", now())
    assert remembered_devices.count(siti) == 1


def test_expired_devices_are_swept(siti, here, clock):
    remembered_devices.remember(siti, here.response_class(), accounts.generations.current(siti))
    clock.shift(remembered_devices.LIFE - 1)
    remembered_devices.delete_expired()
    assert db.session.scalar(select(func.count()).select_from(RememberedDevice)) == 1
    clock.shift(1)
    remembered_devices.delete_expired()
    assert db.session.scalar(select(func.count()).select_from(RememberedDevice)) == 0


def test_an_account_that_is_gone_takes_everything_along(siti, clock, here):
    enrolled(siti, clock)
    remembered_devices.remember(siti, here.response_class(), accounts.generations.current(siti))
    db.session.delete(accounts.find(siti))
    db.session.commit()
    assert db.session.scalar(select(func.count()).select_from(Authenticator)) == 0
    assert db.session.scalar(select(func.count()).select_from(RememberedDevice)) == 0
