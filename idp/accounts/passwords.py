"""Passwords: the five rules, what is too common or too personal, and how they are hashed."""

import os
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app

from idp import tokens
from idp.config import Secrets, settings

MOST = 128
SYMBOLS = "!@#$%^&*"
WAITING = 64  # hashes that may wait for a core; more would keep people waiting longer than they do


class WeakPassword(Exception):
    """Rules that a new password does not keep, by code."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


class Busy(Exception):
    """Too many sign-ins at once: come back in `retry_after` seconds; the other endpoints stay alive."""

    def __init__(self, retry_after: int = 2) -> None:
        super().__init__("too many password hashes at once")
        self.retry_after = retry_after


def rules(text: str) -> dict[str, bool]:
    """The five rules of the registration page, each with whether `text` keeps it."""
    return {
        "min_length": len(text) >= 8,
        "lower": any(c.islower() for c in text),
        "upper": any(c.isupper() for c in text),
        "digit": any(c.isdigit() for c in text),
        "symbol": any(c in SYMBOLS for c in text),
    }


def check(text: str, personal: Iterable[str] = ()) -> None:
    """Raises WeakPassword when a rule is broken, or it is too long, common, or made of the person's own data."""
    normal = unicodedata.normalize("NFC", text)
    broken = [code for code, kept in rules(normal).items() if not kept]
    if len(normal) > MOST:
        broken.append("too_long")
    if normal.casefold() in _common() or _bare(normal) in _common():
        broken.append("common")
    if any(part in normal.casefold() for part in _parts(personal)):
        broken.append("personal")
    if broken:
        raise WeakPassword(broken)


def hashed(text: str) -> str:
    """`pepper key id$argon2id…`; raises Busy."""
    key_id = _secrets().pepper.current
    with _a_core():
        return f"{key_id}${_hasher().hash(_peppered(text, key_id))}"


def matches(text: str, stored: str) -> bool:
    """Whether this is the password; raises Busy. A pepper that we no longer have matches nothing: fails closed."""
    key_id, _, encoded = stored.partition("$")
    if key_id not in _secrets().pepper.keys or len(text) > 4 * MOST:
        return False
    with _a_core():
        try:
            return _hasher().verify(encoded, _peppered(text, key_id))
        except (VerificationError, InvalidHashError):
            return False


def outdated(stored: str) -> bool:
    """Whether the hash was made with another pepper or other parameters than we use now."""
    key_id, _, encoded = stored.partition("$")
    return key_id != _secrets().pepper.current or _hasher().check_needs_rehash(encoded)


def waste() -> None:
    """The work of one verification, for somebody whom we do not know: time tells nothing."""
    matches("nobody", _decoy(_secrets().pepper.current, settings().argon2_memory_kib, settings().argon2_iterations))


@lru_cache(maxsize=4)
def _decoy(key_id: str, memory: int, iterations: int) -> str:
    return f"{key_id}${PasswordHasher(iterations, memory, 1).hash(tokens.random_token())}"


@lru_cache(maxsize=4)
def _made(memory: int, iterations: int) -> PasswordHasher:
    return PasswordHasher(time_cost=iterations, memory_cost=memory, parallelism=1)


def _hasher() -> PasswordHasher:
    return _made(settings().argon2_memory_kib, settings().argon2_iterations)


def _secrets() -> Secrets:
    return cast(Secrets, current_app.extensions["idp.secrets"])


def _peppered(text: str, key_id: str) -> str:
    return tokens.mac(_secrets().pepper.keys[key_id], unicodedata.normalize("NFC", text))


_cores = threading.BoundedSemaphore(os.cpu_count() or 1)
_queue = threading.BoundedSemaphore((os.cpu_count() or 1) + WAITING)


@contextmanager
def _a_core() -> Iterator[None]:
    # One hash takes 19 MiB and a core: a storm of sign-ins waits here, and beyond the queue is asked to come back.
    if not _queue.acquire(blocking=False):
        raise Busy
    try:
        with _cores:
            yield
    finally:
        _queue.release()


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _bare(text: str) -> str:
    # "Password1!" is "password": the capital and the tail that the rules ask for do not make it another one.
    return text.casefold().rstrip("0123456789" + SYMBOLS + ".-_?")


def _parts(personal: Iterable[str]) -> list[str]:
    words = [word.casefold() for text in personal for word in text.replace("@", " ").split()]
    return [word for word in words if len(word) >= 4]
