"""Waiting for what another thread or process is about to do: as short as may be, and not for ever."""

import time
from collections.abc import Callable
from typing import TypeVar

from flask import Flask

# A wait that ends early costs nothing: the bound is for a machine on which everything takes twenty times as long.
SECONDS = 60

T = TypeVar("T")


def settle(app: Flask) -> None:
    """Waits for what goes on behind the answers of the application, which begins anew with threads of their own."""
    behind = app.extensions.pop("idp.core.background", None)
    if behind is not None:
        behind.shutdown()


def wait_until(condition: Callable[[], T], seconds: float = SECONDS) -> T:
    """What `condition` returns as soon as it is true; raises AssertionError when it stays false for so many seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} seconds in vain"
        time.sleep(0.01)
    return found
