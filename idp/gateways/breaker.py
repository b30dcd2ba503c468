"""The circuit breaker: a gateway that keeps failing is left alone for a while, then tried with one call."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from idp.core import clock


class BreakerOpen(Exception):
    """The gateway is being left alone: nothing was sent; `retry_after` seconds until the next probe, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"left alone for another {retry_after} s")
        self.retry_after = retry_after


@dataclass
class Breaker:
    """Opens for `open_seconds` after `in_a_row` failures, or when half of at least `sample` calls in `window` failed.

    One per gateway and process. `now` is a monotonic clock in seconds.
    """

    open_seconds: float = 30
    in_a_row: int = 5
    sample: int = 20
    window: float = 60
    now: Callable[[], float] = clock.monotonic
    _outcomes: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=1000), repr=False)
    _row: int = 0
    _opened_at: float | None = None
    _probing: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def guard(self, *harmless: type[Exception]) -> Iterator[None]:
        """Judges what happens inside: any exception but the `harmless` is a failure. Raises BreakerOpen instead of entering."""
        probe = self._admit()
        try:
            yield
        except harmless:
            self._note(True, probe)
            raise
        except BaseException:
            self._note(False, probe)  # whatever it was, a probe must end, or the gateway would be shut for ever
            raise
        self._note(True, probe)

    def _admit(self) -> bool:
        with self._lock:
            if self._opened_at is None:
                return False
            left = self._opened_at + self.open_seconds - self.now()
            if left > 0 or self._probing:
                raise BreakerOpen(max(1, round(left)))
            self._probing = True
            return True

    def _note(self, well: bool, probe: bool) -> None:
        with self._lock:
            if probe:
                self._end_probe(well)
                return
            if self._opened_at is not None:
                return  # a straggler from before it opened: the probe alone decides now
            self._row = 0 if well else self._row + 1
            self._outcomes.append((self.now(), well))
            if self._row >= self.in_a_row or self._half_failed():
                self._open()

    def _end_probe(self, well: bool) -> None:
        self._probing = False
        if well:
            self._opened_at = None
        else:
            self._open()

    def _open(self) -> None:
        self._opened_at = self.now()
        self._row = 0
        self._outcomes.clear()

    def _half_failed(self) -> bool:
        since = self.now() - self.window
        while self._outcomes and self._outcomes[0][0] < since:
            self._outcomes.popleft()
        failed = sum(not well for _, well in self._outcomes)
        return len(self._outcomes) >= self.sample and failed * 2 >= len(self._outcomes)
