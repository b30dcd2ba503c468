"""Puts the programs of examples/stacks, and the lines of `idp clients add`, where the pages of docs/stacks show them."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from idp.cli.stacks import STACKS  # noqa: E402

SHOWN = re.compile(r"<!-- (file|lines): (\S+) -->\n```\w*\n.*?```\n", re.DOTALL)
LANGUAGES = {
    ".py": "python", ".js": "js", ".html": "html", ".java": "java", ".go": "go", ".php": "php", ".cs": "csharp", ".dart": "dart",
    ".yml": "yaml", ".xml": "xml", ".json": "json", ".mod": "text", ".sum": "text", ".txt": "text",
}  # fmt: skip
SAMPLE = {"issuer": "http://localhost:5000", "client_id": "layanan-saya", "secret": "…", "session_secret": "…"}


def main() -> None:
    """Writes every page anew."""
    for page in sorted((ROOT / "docs" / "stacks").glob("*.md")):
        page.write_text(refreshed(page.read_text()))


def refreshed(text: str) -> str:
    """A page with its programs and lines as they are now."""
    return SHOWN.sub(lambda found: f"<!-- {found[1]}: {found[2]} -->\n{_shown(found[1], found[2])}", text)


def _shown(kind: str, name: str) -> str:
    if kind == "lines":
        return f"```text\n{_lines(name)}```\n"
    path = ROOT / name
    return f"```{LANGUAGES[path.suffix]}\n{path.read_text()}```\n"


def _lines(name: str) -> str:
    stack = STACKS[name]
    redirect_uri = next(iter(stack.redirect_uris(stack.address)), "")
    return stack.lines.format(**SAMPLE, address=stack.address, redirect_uri=redirect_uri)


if __name__ == "__main__":
    main()
