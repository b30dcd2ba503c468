"""The word list of our pages holds: nothing that docs/words.md rules out is said anywhere, in either language."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "translations.py"))


def ruled_out(column: int) -> list[str]:
    """The words of one column of the table, from the third on those that are never said."""
    rows = [line.split("|") for line in (ROOT / "docs/words.md").read_text().splitlines() if line.startswith("|")]
    return [word.strip() for row in rows[2:] for word in row[column].split(",") if word.strip()]


def said_in(texts: list[str], words: list[str]) -> list[tuple[str, str]]:
    return [(word, text) for text in texts for word in words if re.search(rf"\b{re.escape(word)}\b", text)]


def test_no_text_uses_a_word_that_is_ruled_out() -> None:
    """U17, U18."""
    (english,) = SCRIPT["CATALOGUES"]
    spoken = SCRIPT["compiled"](english)
    indonesian, never = list(spoken), (ruled_out(3), ruled_out(4))
    assert len(indonesian) > 500 and min(map(len, never)) > 10
    assert said_in(indonesian, never[0]) == []
    assert said_in(list(spoken.values()), never[1]) == []
