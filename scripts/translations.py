"""Keeps the English catalogue in step with the Indonesian texts in code and templates.

python scripts/translations.py           extract, update messages.po, compile messages.mo, list the missing
python scripts/translations.py --check   change nothing; exit 1 if a text is missing, unused or not compiled
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "idp" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")
KEYWORDS = DEFAULT_KEYWORDS | {"_l": None, "lazy_gettext": None}


def extracted() -> Catalog:
    """All texts in idp/, as code and templates have them now."""
    with (ROOT / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found = Catalog(project="SIAPkerja")
    for name, _, text, comments, _ in extract_from_dir(ROOT, methods, options, keywords=KEYWORDS, comment_tags=("Translators:",)):
        if not name.startswith("tests"):
            found.add(text, auto_comments=comments)
    return found


def translated() -> Catalog:
    """The committed catalogue."""
    with PO.open("rb") as file:
        return read_po(file, locale="en")


def compiled() -> dict[str, str]:
    """Text to English, as the running product reads it."""
    with MO.open("rb") as file:
        return _texts(read_mo(file))


def missing() -> list[str]:
    """Texts in code or templates that have no English, or a doubtful one."""
    known = translated()
    return [str(m.id) for m in extracted() if m.id and not _done(known, m.id)]


def unused() -> list[str]:
    """Texts in the catalogue that nothing shows any more."""
    shown = {m.id for m in extracted()}
    return [str(m.id) for m in translated() if m.id and m.id not in shown]


def current() -> bool:
    """Whether the compiled file says what the catalogue says."""
    return compiled() == _texts(translated())


def update() -> None:
    """Brings messages.po and messages.mo up to date; what was translated stays."""
    catalogue, template = translated(), extracted()
    template.creation_date = catalogue.creation_date  # no clock in the file: the same texts give the same bytes
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = io.BytesIO()
    write_po(written, catalogue, width=120, no_location=True, sort_output=True)
    PO.write_bytes(written.getvalue())
    with MO.open("wb") as file:
        write_mo(file, catalogue)


def _done(known: Catalog, text: object) -> bool:
    message = known.get(text)
    return message is not None and bool(message.string) and not message.fuzzy


def _texts(catalogue: Catalog) -> dict[str, str]:
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string and not m.fuzzy}


def main() -> int:
    """The command line; 1 when something is missing."""
    if "--check" not in sys.argv:
        update()
    for text in missing():
        print(f"no English yet: {text!r}")
    return int(bool(missing() or unused() or not current()))


if __name__ == "__main__":
    sys.exit(main())
