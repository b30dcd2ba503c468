"""Every language is complete: each Indonesian text in code and templates has its translation, compiled."""

import re
import runpy
from pathlib import Path

import pytest

from idp.core import languages

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "translations.py"))
PLACE = re.compile(r"%\(\w+\)s|\{\w+\}")

every_catalogue = pytest.mark.parametrize("po", SCRIPT["CATALOGUES"], ids=SCRIPT["locale_of"])


def test_every_language_of_the_table_has_its_catalogue_and_its_legal_pages() -> None:
    first, *others = languages.languages()
    assert [SCRIPT["locale_of"](po) for po in SCRIPT["CATALOGUES"]] == sorted(other.locale for other in others)
    legal = {path.name for path in (ROOT / "templates" / "pages" / "legal").iterdir()}
    assert legal == {f"{page}.{language.tag}.html" for page in ("privacy", "terms") for language in (first, *others)}


@every_catalogue
def test_every_text_is_translated(po: Path) -> None:
    assert SCRIPT["missing"](po) == [], f"run: python scripts/translations.py, and fill in {po}"


@every_catalogue
def test_the_catalogue_holds_no_text_that_nothing_shows(po: Path) -> None:
    assert SCRIPT["unused"](po) == [], "run: python scripts/translations.py"


@every_catalogue
def test_what_the_product_reads_is_what_the_catalogue_says(po: Path) -> None:
    assert SCRIPT["current"](po), "run: python scripts/translations.py"
    assert len(SCRIPT["compiled"](po)) > 100


@every_catalogue
def test_a_translation_keeps_every_value_that_the_indonesian_text_shows(po: Path) -> None:
    changed = {id for id, said in SCRIPT["compiled"](po).items() if sorted(PLACE.findall(id)) != sorted(PLACE.findall(said))}
    assert changed == set()
