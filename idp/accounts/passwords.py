"""Passwords: the one table of rules for a new one, which server, page and script read, and what is too common or personal."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from idp.core.languages import _l

MAX_LENGTH = 128
# Characters that are looked at: decomposed, MAX_LENGTH are more; normalising takes time with the square of it.
MAX_CHARACTERS_READ = 4 * MAX_LENGTH


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: so many characters at `least`, or one of a Unicode general `category`, or one of these `symbols`.

    `text` is what the page lists; the script reads the three from attributes of the list.
    """

    code: str
    text: Any
    least: int = 0
    category: str = ""
    symbols: str = ""

    def kept(self, password: str) -> bool:
        """Whether the password keeps the rule."""
        if self.least:
            return len(password) >= self.least
        return any(c in self.symbols or unicodedata.category(c) == self.category for c in password)

    @property
    def label(self) -> str:
        """The rule in words, numbers and symbols filled in."""
        return str(self.text) % {"least": self.least, "symbols": " ".join(self.symbols)}

    @property
    def complaint(self) -> str:
        """The same as a sentence; a list of symbols takes no full stop, which would look like one of them."""
        return self.label if self.symbols else f"{self.label}."


# The five rules of the registration page, in its order.
RULES = (
    Rule("min_length", _l("Minimal %(least)s karakter"), least=8),
    Rule("lower", _l("Terdapat minimal satu huruf kecil"), category="Ll"),
    Rule("upper", _l("Terdapat minimal satu huruf besar"), category="Lu"),
    Rule("digit", _l("Terdapat minimal satu angka"), category="Nd"),
    Rule("symbol", _l("Terdapat salah satu simbol: %(symbols)s"), symbols="!@#$%^&*"),
)


class WeakPassword(Exception):
    """Rules that a new password does not keep, by code."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


def rules(text: str) -> dict[str, bool]:
    """Each rule's code with whether `text` keeps it."""
    return {rule.code: rule.kept(text) for rule in RULES}


def complaint(code: str) -> str:
    """What is wrong with a password, in words, for one of the codes of WeakPassword."""
    return next((rule.complaint for rule in RULES if rule.code == code), "") or str(_OTHER[code]) % {"most": MAX_LENGTH}


_OTHER = {
    "too_long": _l("Maksimal %(most)s karakter."),
    "common": _l("Password ini terlalu banyak digunakan orang. Pilih yang lain."),
    "personal": _l("Password tidak boleh memuat nama, NIK, email, atau nomor handphone Anda."),
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
    return text.casefold().rstrip("0123456789" + "".join(rule.symbols for rule in RULES) + ".-_?")


def _parts(personal: Iterable[str]) -> list[str]:
    words = [word.casefold() for text in personal for word in text.replace("@", " ").split()]
    # 0812… is also written 62812…: what both have in common counts.
    bare = [word.lstrip("+").removeprefix("62").lstrip("0") if word.lstrip("+").isdigit() else word for word in words]
    return [word for word in bare if len(word) >= 4]
