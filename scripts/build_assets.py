"""Builds idp/static from assets/: each file under its digest's name, and the manifest that maps them.

Run after changing anything in assets/:  python scripts/build_assets.py
"""

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "assets"
BUILT = ROOT / "idp" / "static"


def squeezed(name: str, text: str) -> str:
    """CSS without comments and needless space; everything else as it is."""
    if not name.endswith(".css"):
        return text
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?([{};,]) ?", r"\1", text).replace(";}", "}").strip() + "\n"


def build() -> dict[str, str]:
    """File name to content of everything that belongs in idp/static."""
    files: dict[str, str] = {}
    manifest: dict[str, str] = {}
    for source in sorted(SOURCES.iterdir()):
        content = squeezed(source.name, source.read_text())
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        manifest[source.name] = f"{source.stem}.{digest}{source.suffix}"
        files[manifest[source.name]] = content
    return files | {"manifest.json": json.dumps(manifest, indent=2) + "\n"}


def main() -> None:
    """Writes what belongs there and removes what does not."""
    files = build()
    BUILT.mkdir(exist_ok=True)
    for stale in {path.name for path in BUILT.iterdir()} - set(files):
        (BUILT / stale).unlink()
    for name, content in files.items():
        (BUILT / name).write_text(content)
        print(f"{len(content):>6}  {name}")


if __name__ == "__main__":
    main()
