"""A server that does not answer costs one wait, and not one for each who comes: the others are turned away at once."""

import threading
from collections.abc import Callable

from idp.core import clock

PAUSE = 1.0  # seconds between two who try a server that was silent


class Silence:
    """What one process knows of one server. Nobody is turned away until somebody has waited in vain; then, until the
    server answers, one tries every PAUSE seconds. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = clock.monotonic) -> None:
        self._now = now
        self._next_try: float | None = None
        self._lock = threading.Lock()

    def turns_away(self) -> bool:
        """Whether to give up at once; False for whoever may ask, and for the one who tries."""
        if self._next_try is None:
            return False
        with self._lock:
            now = self._now()
            if self._next_try is None or now < self._next_try:
                return self._next_try is not None
            # The others go on being turned away while this one waits.
            self._next_try = now + PAUSE
            return False

    def begins(self) -> None:
        """Somebody has waited in vain."""
        with self._lock:
            self._next_try = self._now() + PAUSE

    def ends(self) -> None:
        """The server has answered."""
        if self._next_try is not None:
            self._next_try = None
