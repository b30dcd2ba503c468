"""The circuit breaker opens by count and by share, lets one probe through, and believes it."""

import threading

import pytest

from idp.gateways.breaker import Breaker, BreakerOpen
from tests.gateways.servers import Watch


class Down(Exception):
    pass


class No(Exception):
    pass


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def breaker(watch: Watch) -> Breaker:
    return Breaker(now=watch)


def fail(breaker: Breaker) -> None:
    with pytest.raises(Down), breaker.guard(No):
        raise Down


def succeed(breaker: Breaker) -> None:
    with breaker.guard(No):
        pass


def is_open(breaker: Breaker) -> bool:
    """Whether it refuses calls: asked by one that goes well, which changes what has come in a row."""
    try:
        succeed(breaker)
    except BreakerOpen:
        return True
    return False


def test_five_in_a_row_open_it_for_thirty_seconds(breaker: Breaker, watch: Watch) -> None:
    for _ in range(4):
        fail(breaker)
    succeed(breaker)
    for _ in range(5):
        fail(breaker)  # is let in: until the fifth it was shut
    watch.now += 29.9
    with pytest.raises(BreakerOpen) as refused:
        succeed(breaker)
    assert refused.value.retry_after == 1
    watch.now += 0.2
    succeed(breaker)
    assert not is_open(breaker)


def test_half_of_twenty_open_it(breaker: Breaker) -> None:
    for _ in range(9):
        succeed(breaker)
        fail(breaker)
    succeed(breaker)
    fail(breaker)  # is let in: it was shut
    assert is_open(breaker)


def test_less_than_half_leave_it_shut(breaker: Breaker) -> None:
    for _ in range(40):
        succeed(breaker)
        succeed(breaker)
        fail(breaker)
    assert not is_open(breaker)


def test_what_is_long_ago_does_not_count(breaker: Breaker, watch: Watch) -> None:
    for _ in range(9):
        succeed(breaker)
        fail(breaker)
    watch.now += 61
    succeed(breaker)
    fail(breaker)
    assert not is_open(breaker)


def test_a_plain_no_is_harmless(breaker: Breaker) -> None:
    for _ in range(30):
        with pytest.raises(No), breaker.guard(No):
            raise No
    assert not is_open(breaker)


def test_a_probe_that_fails_opens_it_anew(breaker: Breaker, watch: Watch) -> None:
    for _ in range(5):
        fail(breaker)
    watch.now += 30
    fail(breaker)
    watch.now += 29
    with pytest.raises(BreakerOpen):
        succeed(breaker)
    watch.now += 1
    succeed(breaker)


def test_only_one_of_many_is_the_probe(breaker: Breaker, watch: Watch) -> None:
    for _ in range(5):
        fail(breaker)
    watch.now += 30
    inside, leave = threading.Event(), threading.Event()

    def probe() -> None:
        with breaker.guard():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=probe)
    thread.start()
    assert inside.wait(60)
    for _ in range(3):
        with pytest.raises(BreakerOpen):
            succeed(breaker)
    leave.set()
    thread.join(60)
    succeed(breaker)


def test_stragglers_do_not_keep_it_open(breaker: Breaker, watch: Watch) -> None:
    late = [breaker.guard() for _ in range(5)]
    for call in late:
        call.__enter__()
    for _ in range(5):
        fail(breaker)
    watch.now += 20
    for call in late:
        assert not call.__exit__(Down, Down(), None)
    watch.now += 11
    succeed(breaker)


def test_a_straggler_does_not_close_it(breaker: Breaker, watch: Watch) -> None:
    with breaker.guard():
        for _ in range(5):
            fail(breaker)
    assert is_open(breaker)
