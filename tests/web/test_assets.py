"""Style sheet and script: current, light, and kept by browsers."""

import runpy
from pathlib import Path

from flask import Flask

from idp.web import assets

ROOT = Path(__file__).resolve().parents[2]
FIRST_PAGE_BUDGET = 50_000


def test_what_is_committed_is_what_the_sources_give() -> None:
    built = runpy.run_path(str(ROOT / "scripts" / "build_assets.py"))["build"]()
    committed = {path.name: path.read_text() for path in assets.STATIC.iterdir()}
    assert committed == built, "run: python scripts/build_assets.py"


def test_a_first_page_with_everything_weighs_less_than_50_kb(app: Flask) -> None:
    page = app.test_client().get("/privasi")  # the longest of all
    files = sum((assets.STATIC / name).stat().st_size for name in assets.manifest().values())
    assert len(page.data) + files < FIRST_PAGE_BUDGET


def test_files_may_be_kept_for_ever_since_their_name_changes_with_them(app: Flask) -> None:
    visitor = app.test_client()
    with (
        visitor.get(f"/static/{assets.manifest()['app.css']}") as hashed,
        visitor.get("/static/manifest.json") as named,
    ):
        assert hashed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "immutable" not in named.headers["Cache-Control"]


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(app: Flask) -> None:
    page = app.test_client().get("/syarat").get_data(as_text=True)
    assert 'src="http' not in page and "style=" not in page and "onclick" not in page
    assert page.count("<script") == 1 and " defer></script>" in page
