"""Passwords: the five rules, what is too common or too personal, and how they are hashed."""

import os
import threading
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, current_app

from idp.core import crypto
from idp.core.settings import Secrets, settings

MAX_LENGTH = 128
MAX_CHARACTERS_READ = (
    4 * MAX_LENGTH
)  # characters that are looked at: decomposed, 128 are more; normalising takes time with the square of it
SYMBOLS = "!@#$%^&*"
MAX_PENDING_HASHES = (
    12  # hashes that one process computes or keeps waiting: of its sixteen threads four stay free for other requests
)

P = ParamSpec("P")
T = TypeVar("T")


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
    normal = unicodedata.normalize("NFC", text[:MAX_CHARACTERS_READ])
    broken = [code for code, kept in rules(normal).items() if not kept]
    if len(normal) > MAX_LENGTH or len(text) > MAX_CHARACTERS_READ:
        broken.append("too_long")
    if normal.casefold() in _common() or _without_suffix(normal) in _common():
        broken.append("common")
    if any(part in normal.casefold() for part in _parts(personal)):
        broken.append("personal")
    if broken:
        raise WeakPassword(broken)


def hash_password(text: str) -> str:
    """`pepper key id$argon2id…`; raises Busy."""
    key_id = _secrets().pepper.current
    return f"{key_id}${_run_in_pool(_hasher().hash, _peppered(text, key_id))}"


def matches(text: str, stored: str | None) -> bool:
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
        return _run_in_pool(_hasher().verify, encoded, _peppered(text, key_id)) and sound
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


class _HashingPool(NamedTuple):
    cores: ThreadPoolExecutor
    places: threading.BoundedSemaphore


def init_app(app: Flask) -> None:
    """Gives this process its share of the cores, and computes the decoy, so that the first unknown person costs no more."""
    known = app.extensions["idp.settings"]
    cores = os.cpu_count() or 1
    share = max(1, cores // (known.workers or cores))
    app.extensions["idp.hashing"] = _HashingPool(
        ThreadPoolExecutor(share, "password"), threading.BoundedSemaphore(MAX_PENDING_HASHES)
    )
    _decoy(known.argon2_memory_kib, known.argon2_iterations)


def _run_in_pool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # One hash takes 19 MiB and a core: a storm of sign-ins waits here, and beyond the line is asked to come back. The
    # work has threads of its own, as many as cores: in the server's threads each of them would keep its 19 MiB.
    line = cast(_HashingPool, current_app.extensions["idp.hashing"])
    if not line.places.acquire(blocking=False):
        raise Busy
    try:
        return line.cores.submit(work, *args, **kwargs).result()
    finally:
        line.places.release()


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    lines = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _without_suffix(text: str) -> str:
    # "Password1!" is "password": the capital and the tail that the rules ask for do not make it another one.
    return text.casefold().rstrip("0123456789" + SYMBOLS + ".-_?")


def _parts(personal: Iterable[str]) -> list[str]:
    words = [word.casefold() for text in personal for word in text.replace("@", " ").split()]
    # 0812… is also written 62812…: what both have in common counts.
    bare = [word.lstrip("+").removeprefix("62").lstrip("0") if word.lstrip("+").isdigit() else word for word in words]
    return [word for word in bare if len(word) >= 4]
