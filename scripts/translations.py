"""Keeps the catalogues of translations in step with the Indonesian texts in code and templates.

python scripts/translations.py           extract, update each messages.po, compile each messages.mo, list the missing
python scripts/translations.py --check   change nothing; exit 1 if a text is missing, unused or not compiled

A further language begins with an empty file idp/translations/TAG/LC_MESSAGES/messages.po and a line in idp/core/languages.py.
"""

import io
import sys
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = sorted((ROOT / "idp" / "translations").glob("*/LC_MESSAGES/messages.po"))
KEYWORDS = DEFAULT_KEYWORDS | {"_l": None, "lazy_gettext": None}


@cache
def extracted() -> Catalog:
    """All texts in idp/ and templates/, as code and templates have them now."""
    with (ROOT / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found = Catalog(project="SIAPkerja")
    for name, _, text, comments, _ in extract_from_dir(ROOT, methods, options, keywords=KEYWORDS, comment_tags=("Translators:",)):
        if not name.startswith("tests"):
            found.add(text, auto_comments=comments)
    return found


def locale_of(po: Path) -> str:
    """What Babel calls the language of a catalogue: its folder's name."""
    return po.parent.parent.name


def translated(po: Path) -> Catalog:
    """The committed catalogue."""
    with po.open("rb") as file:
        return read_po(file, locale=locale_of(po))


def compiled(po: Path) -> dict[str, str]:
    """Text to translation, as the running product reads it."""
    with po.with_suffix(".mo").open("rb") as file:
        return _texts(read_mo(file))


def missing(po: Path) -> list[str]:
    """Texts in code or templates that have no translation, or a doubtful one."""
    known = translated(po)
    return [str(m.id) for m in extracted() if m.id and not _done(known, m.id)]


def unused(po: Path) -> list[str]:
    """Texts in the catalogue that nothing shows any more."""
    shown = {m.id for m in extracted()}
    return [str(m.id) for m in translated(po) if m.id and m.id not in shown]


def current(po: Path) -> bool:
    """Whether the compiled file says what the catalogue says."""
    return compiled(po) == _texts(translated(po))


def update(po: Path) -> None:
    """Brings messages.po and messages.mo up to date; what was translated stays."""
    catalogue, template = translated(po), extracted()
    template.creation_date = catalogue.creation_date  # no clock in the file: the same texts give the same bytes
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = io.BytesIO()
    write_po(written, catalogue, width=120, no_location=True, sort_output=True)
    po.write_bytes(written.getvalue())
    with po.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)


def _done(known: Catalog, text: object) -> bool:
    message = known.get(text)
    return message is not None and bool(message.string) and not message.fuzzy


def _texts(catalogue: Catalog) -> dict[str, str]:
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string and not m.fuzzy}


def main() -> int:
    """The command line; 1 when something is missing."""
    for po in CATALOGUES:
        if "--check" not in sys.argv:
            update(po)
        for text in missing(po):
            print(f"{locale_of(po)}: not translated yet: {text!r}")
    return int(any(missing(po) or unused(po) or not current(po) for po in CATALOGUES))


if __name__ == "__main__":
    sys.exit(main())
