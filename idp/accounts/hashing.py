"""Hashes of passwords (Argon2id with a pepper), and the fair line in which sign-ins wait for a core."""

import heapq
import os
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum
from functools import lru_cache
from itertools import count
from typing import Any, ParamSpec, TypeVar, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, current_app, has_request_context

from idp.accounts.passwords import MAX_CHARACTERS_READ
from idp.core import crypto
from idp.core.settings import Secrets, settings
from idp.web import requests

# Hashes that one process computes or keeps waiting: of its sixteen threads four stay free for other requests.
MAX_PENDING_HASHES = 12
MAX_PENDING_OF_ADDRESS = 4
LONGEST_WAIT = 15  # seconds

P = ParamSpec("P")
T = TypeVar("T")


class Turn(IntEnum):
    """Who comes first in the line."""

    KNOWN_BROWSER = 0
    ORDINARY = 1
    UNDER_ATTACK = 2


# Places that are kept for those who come before: a storm of strangers never takes the last ones.
PLACES_KEPT = {Turn.KNOWN_BROWSER: 0, Turn.ORDINARY: 3, Turn.UNDER_ATTACK: 8}


class Busy(Exception):
    """Too many sign-ins at once: come back in `retry_after` seconds; the other endpoints stay alive."""

    def __init__(self, retry_after: int = 2) -> None:
        super().__init__("too many password hashes at once")
        self.retry_after = retry_after


def hash_password(text: str, turn: Turn = Turn.ORDINARY) -> str:
    """`pepper key id$argon2id…`; raises Busy."""
    key_id = _secrets().pepper.current
    return f"{key_id}${_in_line(turn, _hasher().hash, _peppered(text, key_id))}"


def matches(text: str, stored: str | None, turn: Turn = Turn.ORDINARY) -> bool:
    """Whether this is the password of the hash; raises Busy.

    No hash, a pepper that we no longer have and a text that is too long cost the same work and match nothing (fails
    closed): the time tells nobody who has an account.
    """
    key_id, _, encoded = (stored or "").partition("$")
    sound = key_id in _secrets().pepper.keys and len(text) <= MAX_CHARACTERS_READ
    if not sound:
        key_id, text = _secrets().pepper.current, ""
        encoded = _decoy(settings().argon2_memory_kib, settings().argon2_iterations)
    try:
        return _in_line(turn, _hasher().verify, encoded, _peppered(text, key_id)) and sound
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with another pepper or other parameters than we use now."""
    key_id, _, encoded = stored.partition("$")
    return key_id != _secrets().pepper.current or _hasher().check_needs_rehash(encoded)


@lru_cache(maxsize=4)
def _decoy(memory: int, iterations: int) -> str:
    return _made(memory, iterations).hash(crypto.random_token())


@lru_cache(maxsize=4)
def _made(memory: int, iterations: int) -> PasswordHasher:
    return PasswordHasher(time_cost=iterations, memory_cost=memory, parallelism=1)


def _hasher() -> PasswordHasher:
    return _made(settings().argon2_memory_kib, settings().argon2_iterations)


def _secrets() -> Secrets:
    return cast(Secrets, current_app.extensions["idp.secrets"])


def _peppered(text: str, key_id: str) -> str:
    return crypto.mac(_secrets().pepper.keys[key_id], unicodedata.normalize("NFC", text))


class _Line:
    """Work that waits for a core, by turn and then in the order of coming; bounded in all and for each address.

    One hash takes 19 MiB and a core. The threads are as many as the cores of this process: in the server's threads each
    hash would keep its memory.
    """

    def __init__(self, cores: int) -> None:
        self._cores = ThreadPoolExecutor(cores, "password")
        self._lock, self._numbers = threading.Lock(), count()
        self._waiting: list[tuple[Turn, int, Callable[[], None]]] = []
        self.pending = 0
        self._of_address: Counter[str] = Counter()

    def run(self, turn: Turn, address: str | None, work: Callable[[], T]) -> T:
        """What `work` returns or raises; raises Busy when the line is full for this turn or address, or does not move."""
        self._enter(turn, address)
        try:
            future: Future[T] = Future()
            with self._lock:
                heapq.heappush(self._waiting, (turn, next(self._numbers), lambda: _into(future, work)))
            self._cores.submit(self._next)
            return future.result(LONGEST_WAIT)
        except TimeoutError:
            future.cancel()
            raise Busy from None
        finally:
            self._leave(address)

    def _enter(self, turn: Turn, address: str | None) -> None:
        with self._lock:
            full = self.pending >= MAX_PENDING_HASHES - PLACES_KEPT[turn]
            crowded = address is not None and self._of_address[address] >= MAX_PENDING_OF_ADDRESS
            if full or crowded:
                raise Busy
            self.pending += 1
            if address is not None:
                self._of_address[address] += 1

    def _leave(self, address: str | None) -> None:
        with self._lock:
            self.pending -= 1
            if address is not None:
                self._of_address[address] -= 1
                self._of_address += Counter()  # drops addresses with nothing waiting

    def _next(self) -> None:
        with self._lock:
            _, _, body = heapq.heappop(self._waiting)
        body()


def _into(future: "Future[Any]", work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except Exception as raised:
        future.set_exception(raised)


def init_app(app: Flask) -> None:
    """Gives this process its share of the cores, and computes the decoy, so that the first unknown person costs no more."""
    known = app.extensions["idp.settings"]
    cores = os.cpu_count() or 1
    app.extensions["idp.hashing"] = _Line(max(1, cores // (known.workers or cores)))
    _decoy(known.argon2_memory_kib, known.argon2_iterations)


def _in_line(turn: Turn, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    line = cast(_Line, current_app.extensions["idp.hashing"])
    return line.run(turn, _address(), lambda: work(*args, **kwargs))


def _address() -> str | None:
    # Where carriers put thousands of phones behind one address, the operator only tracks addresses.
    enforced = has_request_context() and settings().address_limits == "enforce"
    return requests.client_network() if enforced else None
