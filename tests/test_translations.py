"""Both languages are complete: every Indonesian text in code and templates has its English, compiled."""

import re
import runpy
from pathlib import Path

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[1] / "scripts" / "translations.py"))
PLACE = re.compile(r"%\(\w+\)s|\{\w+\}")


def test_every_text_has_english() -> None:
    assert SCRIPT["missing"]() == [], "run: python scripts/translations.py, and fill in messages.po"


def test_the_catalogue_holds_no_text_that_nothing_shows() -> None:
    assert SCRIPT["unused"]() == [], "run: python scripts/translations.py"


def test_what_the_product_reads_is_what_the_catalogue_says() -> None:
    assert SCRIPT["current"](), "run: python scripts/translations.py"
    assert len(SCRIPT["compiled"]()) > 100


def test_english_keeps_every_value_that_the_indonesian_text_shows() -> None:
    changed = {id for id, english in SCRIPT["compiled"]().items() if sorted(PLACE.findall(id)) != sorted(PLACE.findall(english))}
    assert changed == set()
