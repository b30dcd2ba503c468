"""Every limit counts exactly, in one step, for everybody at once, and by the clock that tests can move."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import time_machine
from flask import Flask

from idp.core.settings import ConfigError, Settings
from idp.limits import rate_limits
from idp.limits.rate_limits import DAY, HOUR, LIMITS, MINUTE, TooManyAttempts
from idp.storage import redis_store

pytestmark = pytest.mark.usefixtures("clock")


def refused(act: Callable[[], Any]) -> TooManyAttempts:
    with pytest.raises(TooManyAttempts) as caught:
        act()
    return caught.value


def change(app: Flask, **changes: Any) -> None:
    app.extensions["idp.settings"] = app.extensions["idp.settings"].model_copy(update=changes)
    app.extensions.pop("idp.limits", None)


def in_parallel(app: Flask, times: int, act: Callable[[], Any]) -> list[Any]:
    def one(_: int) -> Any:
        with app.app_context():
            try:
                return act()
            except TooManyAttempts as limited:
                return limited

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(one, range(times)))


@pytest.mark.parametrize("name", sorted(set(LIMITS) - {"otp_send_all_hour"}))
def test_each_limit_allows_its_amount_and_no_more(here: Flask, name: str) -> None:
    limit = LIMITS[name]
    assert [rate_limits.hit(name, "somebody") for _ in range(limit.amount)] == list(reversed(range(limit.amount)))
    wait = refused(lambda: rate_limits.hit(name, "somebody"))
    assert wait.limit == name
    assert wait.retry_after == (limit.pause or limit.seconds)
    assert rate_limits.hit(name, "somebody else") == limit.amount - 1


def test_the_numbers_are_those_of_the_security_design() -> None:
    designed = {
        "otp_wrong_challenge": (5, 10 * MINUTE),
        "otp_wrong_account": (10, HOUR),
        "otp_send_phone_gap": (1, MINUTE),
        "otp_send_phone_hour": (5, HOUR),
        "otp_send_phone_day": (10, DAY),
        "otp_send_email_gap": (1, MINUTE),
        "otp_send_email_hour": (5, HOUR),
        "otp_send_email_day": (10, DAY),
        "otp_send_all_hour": (20000, HOUR),
        "password_minute": (5, MINUTE),
        "password_half_day": (50, 12 * HOUR),
        "password_address": (20, MINUTE),
        "facts_asker_day": (3, DAY),
        "facts_nik_month": (5, 30 * DAY),
        "facts_number_day": (1, DAY),
        "facts_nik_day": (3, DAY),
        "facts_device": (5, DAY),
        "facts_address": (10, HOUR),
        "recovery_nik": (1, 30 * DAY),
        "recovery_contact": (1, 30 * DAY),
        "recovery_now": (1, MINUTE),
        "registration_address": (10, HOUR),
        "notice_contact_day": (5, DAY),
    }
    assert {name: (LIMITS[name].amount, LIMITS[name].seconds) for name in designed} == designed


def test_the_window_slides(here: Flask, clock: time_machine.Traveller) -> None:
    for _ in range(5):
        rate_limits.hit("password_minute", "x")
        clock.shift(10)
    assert refused(lambda: rate_limits.hit("password_minute", "x")).retry_after == 10
    clock.shift(9)
    refused(lambda: rate_limits.hit("password_minute", "x"))
    clock.shift(1)
    assert rate_limits.hit("password_minute", "x") == 0
    assert refused(lambda: rate_limits.hit("password_minute", "x")).retry_after == 10


def test_a_refused_hit_does_not_prolong_the_wait(here: Flask, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        rate_limits.hit("facts_nik_day", "nik")
    clock.shift(DAY - 1)
    refused(lambda: rate_limits.hit("facts_nik_day", "nik"))
    clock.shift(1)
    assert rate_limits.hit("facts_nik_day", "nik") == 2


def test_a_growing_limit_waits_longer_for_whoever_goes_on(here: Flask, clock: time_machine.Traveller) -> None:
    for _ in range(50):
        rate_limits.hit("password_half_day", "a", "address")
    clock.shift(6 * HOUR)
    for _ in range(50):
        refused(lambda: rate_limits.hit("password_half_day", "a", "address"))
    clock.shift(6 * HOUR)
    assert refused(lambda: rate_limits.hit("password_half_day", "a", "address")).retry_after == 6 * HOUR


def test_ten_wrong_codes_pause_for_a_quarter_of_an_hour(here: Flask, clock: time_machine.Traveller) -> None:
    for _ in range(10):
        rate_limits.hit("otp_wrong_account", "a")
    clock.shift(15 * MINUTE - 1)
    assert refused(lambda: rate_limits.hit("otp_wrong_account", "a")).retry_after == 1
    clock.shift(1)
    assert rate_limits.hit("otp_wrong_account", "a") == 0
    assert refused(lambda: rate_limits.hit("otp_wrong_account", "a")).retry_after == 15 * MINUTE


def test_an_act_that_one_limit_refuses_uses_up_none_of_the_others(here: Flask) -> None:
    acts = [("facts_nik_day", ["nik"]), ("facts_nik_month", ["nik"]), ("facts_device", ["device"])]
    for _ in range(3):
        left = rate_limits.hit_all(acts)
    assert left == {"facts_nik_day": 0, "facts_nik_month": 2, "facts_device": 2}
    for _ in range(5):
        assert refused(lambda: rate_limits.hit_all(acts)).limit == "facts_nik_day"
    assert rate_limits.remaining("facts_device", "device") == 2
    assert rate_limits.remaining("facts_nik_month", "nik") == 2


def test_the_longest_wait_is_told(here: Flask) -> None:
    acts = [("password_minute", ["x"]), ("password_half_day", ["x"])]
    for _ in range(5):
        rate_limits.hit_all(acts)
    for _ in range(45):
        rate_limits.hit("password_half_day", "x")
    for order in (acts, list(reversed(acts))):
        wait = refused(partial(rate_limits.hit_all, order))
        assert (wait.limit, wait.retry_after) == ("password_half_day", 12 * HOUR)


def test_a_growing_limit_does_not_grow_by_what_another_refused(here: Flask) -> None:
    acts = [("password_minute", ["x"]), ("password_half_day", ["x"])]
    for _ in range(5):
        rate_limits.hit_all(acts)
    for _ in range(10):
        refused(lambda: rate_limits.hit_all(acts))
    assert rate_limits.remaining("password_half_day", "x") == 45


def test_nobody_waits_longer_than_the_window_when_a_clock_was_set_back(here: Flask, clock: time_machine.Traveller) -> None:
    rate_limits.hit("otp_send_phone_gap", "p")
    clock.shift(-HOUR)
    assert refused(lambda: rate_limits.hit("otp_send_phone_gap", "p")).retry_after == MINUTE


def test_limits_of_two_families_are_not_one_act(here: Flask) -> None:
    with pytest.raises(ValueError, match="one family"):
        rate_limits.hit_all([("facts_device", ["d"]), ("password_minute", ["x"])])


def test_a_hundred_at_once_get_exactly_the_amount(here: Flask) -> None:
    outcomes = in_parallel(here, 100, lambda: rate_limits.hit("facts_device", "d"))
    assert sorted(o for o in outcomes if isinstance(o, int)) == [0, 1, 2, 3, 4]
    assert sum(isinstance(o, TooManyAttempts) for o in outcomes) == 95


def test_the_budget_is_counted_by_the_hour(here: Flask, clock: time_machine.Traveller) -> None:
    change(here, sms_hourly_budget=3)
    clock.shift(40 * MINUTE)
    outcomes = in_parallel(here, 50, lambda: rate_limits.hit("otp_send_all_hour"))
    assert sum(isinstance(o, int) for o in outcomes) == 3
    assert refused(lambda: rate_limits.check("otp_send_all_hour")).retry_after == 20 * MINUTE
    clock.shift(20 * MINUTE)
    assert rate_limits.hit("otp_send_all_hour") == 2
    assert rate_limits.used("otp_send_all_hour") == 1
    assert rate_limits.used("otp_send_all_hour", seconds_ago=HOUR) == 3


def test_looking_counts_nothing(here: Flask) -> None:
    for _ in range(5):
        assert rate_limits.check("recovery_nik", "n") == 1
        assert rate_limits.remaining("recovery_nik", "n") == 1
    rate_limits.hit("recovery_nik", "n")
    assert rate_limits.remaining("recovery_nik", "n") == 0
    assert refused(lambda: rate_limits.check("recovery_nik", "n")).limit == "recovery_nik"


def test_a_hit_can_be_given_back_and_all_forgotten(here: Flask) -> None:
    for _ in range(20):
        rate_limits.hit("facts_nik_day", "n")
        rate_limits.give_back("facts_nik_day", "n")
    for _ in range(3):
        rate_limits.hit("facts_nik_day", "n")
    rate_limits.give_back("facts_nik_day", "n")
    assert rate_limits.hit("facts_nik_day", "n") == 0
    refused(lambda: rate_limits.hit("facts_nik_day", "n"))
    rate_limits.clear("facts_nik_day", "n")
    assert rate_limits.remaining("facts_nik_day", "n") == 3
    rate_limits.hit("otp_send_all_hour")
    rate_limits.give_back("otp_send_all_hour")
    assert rate_limits.used("otp_send_all_hour") == 0


def test_tracked_addresses_are_counted_and_not_refused(here: Flask) -> None:
    change(here, address_limits="track")
    for _ in range(40):
        rate_limits.hit("registration_address", "192.0.2.1")
    for _ in range(5):
        rate_limits.hit("facts_device", "d")
    refused(lambda: rate_limits.hit("facts_device", "d"))
    change(here, address_limits="enforce")
    assert refused(lambda: rate_limits.hit("registration_address", "192.0.2.1")).limit == "registration_address"


def test_settings_change_a_limit(here: Flask) -> None:
    change(here, limits={"facts_device": 2, "registration_address": {"amount": 1, "seconds": 5}})
    assert [rate_limits.hit("facts_device", "d") for _ in range(2)] == [1, 0]
    refused(lambda: rate_limits.hit("facts_device", "d"))
    rate_limits.hit("registration_address", "x")
    assert refused(lambda: rate_limits.hit("registration_address", "x")).retry_after == 5


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"no_such_limit": 1}, "no_such_limit"),
        ({"facts_device": 0}, "facts_device"),
        ({"facts_device": "many"}, "facts_device"),
        ({"facts_device": {}}, "facts_device"),
        ({"facts_device": {"per_address": 1}}, "facts_device"),
        ({"facts_device": True}, "facts_device"),
    ],
)
def test_a_mistaken_change_is_refused(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        rate_limits.limits_with_settings(Settings(limits=changes))


def test_keys_of_one_act_share_a_hash_tag_and_hide_the_subject(here: Flask) -> None:
    rate_limits.hit_all([("facts_nik_day", ["9901010101900001"]), ("facts_address", ["192.0.2.7"])])
    keys = [key.decode() for key in redis_store.store().redis.keys("limit:*")]
    assert len(keys) == 2
    assert all(key.startswith("limit:{facts}:") for key in keys)
    assert not any("9901010101900001" in key or "192.0.2.7" in key for key in keys)


def test_counters_stay_small_and_do_not_outlive_their_window(here: Flask, clock: time_machine.Traveller) -> None:
    rate_limits.hit("password_minute", "x")
    for _ in range(100):
        clock.shift(13)
        rate_limits.hit("password_minute", "x")
    (key,) = redis_store.store().redis.keys("limit:*")
    assert redis_store.store().redis.llen(key) == 5
    assert 0 < redis_store.store().redis.ttl(key) <= MINUTE


def test_the_limiter_fails_closed(here: Flask) -> None:
    here.extensions["idp.storage.redis_store"] = redis_store.connect("redis://127.0.0.1:1/0")
    with pytest.raises(redis_store.StoreUnavailable):
        rate_limits.hit("facts_device", "d")


def test_the_exception_says_nothing_about_whom(here: Flask) -> None:
    rate_limits.hit("recovery_nik", "9901010101900001")
    wait = refused(lambda: rate_limits.hit("recovery_nik", "9901010101900001"))
    assert "9901010101900001" not in repr(wait) + str(wait)
