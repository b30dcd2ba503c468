"""Text that strangers wrote, made safe for a terminal, a log and whoever reads them."""

import re
from unicodedata import category

WITHHELD = "withheld"

# Controls (terminal escapes and line feeds among them), formats (they turn the writing direction), lone surrogates,
# private characters, and what separates lines and paragraphs.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# A run of digits inside letters is no number of a person: hexadecimal ids hold such runs now and then.
_PERSONAL = re.compile(r"(?<![0-9A-Za-z_-])\+?\d{9,}(?![0-9A-Za-z_-])|\S*@\S*")


def printable(text: str) -> str:
    """The text on one line, every character that a terminal would obey instead of show written as a Python escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) if category(character) in _UNPRINTABLE else character for character in text)


def without_personal(text: str) -> str:
    """The text with every part that looks like a NIK, a phone number or an e-mail address taken out."""
    return _PERSONAL.sub(WITHHELD, text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
