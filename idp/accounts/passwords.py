"""Passwords: the five rules, what is too common or too personal, and how they are hashed."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

MAX_LENGTH = 128
MAX_CHARACTERS_READ = (
    4 * MAX_LENGTH
)  # characters that are looked at: decomposed, 128 are more; normalising takes time with the square of it
SYMBOLS = "!@#$%^&*"


class WeakPassword(Exception):
    """Rules that a new password does not keep, by code."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


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
