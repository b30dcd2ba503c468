"""The house's own documents cannot lie: paths and names exist, floors are as they are, recipes do what they promise."""

import ast
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from idp.cli.database import MIGRATIONS
from tests.test_architecture import FLOORS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))
HELD = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", DOCS / "glossary.md", DOCS / "architecture.md", *DECISIONS]
NAMES = "idp|tests|docs|scripts|templates|deploy|assets|bench|examples"
PLACE = re.compile(rf"`((?:{NAMES})/[\w./-]*)(?:::(\w+))?`|`([\w.-]+\.(?:md|toml|yaml|cfg))`")


def defined(path: Path) -> set[str]:
    """Names that stand at the top of a module, those that it imports among them."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("page", HELD, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_and_name_exists(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    wrong = []
    for path, symbol, file in PLACE.findall(prose):
        there = ROOT / (path or file)
        if not there.exists():
            wrong.append(f"{path or file} does not exist")
        elif symbol and symbol not in defined(there):
            wrong.append(f"{path} has no {symbol}")
    assert not wrong


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *(DOCS / "decisions").glob("*.md")],
                         ids=lambda page: page.name)  # fmt: skip
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_floors_are_drawn_as_they_are() -> None:
    """The table of docs/architecture.md, from the highest floor down, is FLOORS."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", (DOCS / "architecture.md").read_text(), re.MULTILINE)
    drawn = {int(number): re.findall(r"`(\w+)`", packages) for number, packages in rows}
    assert drawn.pop(len(FLOORS) + 1) == [], "the front door is no package"
    assert drawn == {number: list(packages) for number, packages in enumerate(FLOORS, 1)}
    for packages in FLOORS:
        assert all((ROOT / "idp" / package / "__init__.py").exists() for package in packages)


def test_every_decision_says_what_it_costs() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    for number, path in enumerate(DECISIONS, 1):
        title, *rest = path.read_text().splitlines()
        assert title.startswith(f"# {number}. ")
        headings = [line for line in rest if line.startswith("#")]
        assert headings == ["## What", "## Why", "## What it costs", "## What would change it"]
        assert f"| [{number:04}]({path.name}) | {title.partition('. ')[2]} |" in index


def test_the_glossary_has_each_word_once_with_the_fields_word_and_a_file() -> None:
    rows = re.findall(
        r"^\| (?!Our word|---)(.+?) \| (.+?) \| (.+?) \| (.+?) \|$", (DOCS / "glossary.md").read_text(), re.MULTILINE
    )
    words = [word for word, *_ in rows]
    assert len(words) == len(set(words)) > 20
    assert all(meaning and field and "`" in file for _, meaning, field, file in rows)


def test_the_changelog_has_the_version_of_the_package_or_is_on_the_way_to_it() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in headings[1:])
    numbers = [tuple(map(int, version.split("."))) for version in headings[1:]]
    assert numbers == sorted(numbers, reverse=True)
    ours = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert ours is not None
    assert tuple(map(int, ours[1].split("."))) >= numbers[0]
    assert f"| {ours[1].rpartition('.')[0]} | yes |" in (ROOT / "SECURITY.md").read_text()


def test_hooks_fetch_nothing() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    assert "://" not in text


# -- recipes, done -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A block of a recipe: text for a new file, or into or at an end of one that is there."""

    path: str
    place: str
    text: str

    def apply(self, house: Path) -> None:
        """Does it in a copy of the house."""
        file = house / self.path
        if not self.place:
            assert not file.exists(), f"{self.path} is there already"
            file.write_text(self.text)
            return
        lines = file.read_text().splitlines(keepends=True)
        at = {"at its end": len(lines), "at its beginning": 1}.get(self.place)
        lines.insert(_end_of(file, self.place) if at is None else at, self.text)
        file.write_text("".join(lines))


def _end_of(file: Path, name: str) -> int:
    """The line before which the next member of a table, or the next field of a class, belongs."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return max(field.end_lineno or 0 for field in node.body if isinstance(field, ast.AnnAssign))
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return (node.end_lineno or 0) - 1
    raise AssertionError(f"{file} has no {name}")


def recipes() -> dict[str, list[Change]]:
    """The blocks of CONTRIBUTING.md by recipe; each begins with a comment that says where it goes."""
    found: dict[str, list[Change]] = {}
    for section in re.split(r"^### ", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        changes = found.setdefault(title.removeprefix("Add "), [])
        for block in re.findall(r"^```\w+\n(.*?)^```$", body, re.DOTALL | re.MULTILINE):
            head, _, text = block.partition("\n")
            place = re.fullmatch(r"(?:#|\{#) (\S+?)(?:::(\w+)|, (at its \w+))?(?: #\})?", head)
            assert place, head
            changes.append(Change(place[1], place[2] or place[3] or "", text))
    return found


READY = """

from idp import create_app
from idp.core.settings import Settings
app = create_app(Settings(environment="test", issuer="http://127.0.0.1:5000", redis_url="redis://127.0.0.1:1/0",
    database_url="sqlite://", var="var", secrets_file="var/secrets.json", clients_file="clients.yaml"))
"""
# What must be true once a recipe was followed, and is not before.
PROMISES = {
    "a scope": READY
    + """
from pathlib import Path
from idp.oidc import scopes
from idp.oidc.clients import file
entry = {"client_id": "office", "client_name": "X", "redirect_uris": ["https://x.example/"], "scope": "openid membership",
         "token_endpoint_auth_method": "none"}
client, wrong = file.parse_entry(entry, Path("x"), 1)
assert not wrong, wrong
assert scopes.claims_of(client.scope) == {"member_since"} and "membership" in scopes.self_service_names()
""",
    "an algorithm": READY
    + """
from joserfc import jws
from pathlib import Path
from idp.oidc import algorithms
from idp.oidc.clients import file
entry = {"client_id": "office", "client_name": "X", "redirect_uris": ["https://x.example/"],
         "token_endpoint_auth_method": "none", "id_token_signed_response_alg": "ES384"}
assert not file.parse_entry(entry, Path("x"), 1)[1]
row = algorithms.signing("ES384")
key = row.key.make()
signed = row.signer(key.private_key)(b"eyJhbGciOiJFUzM4NCJ9.eA")
from idp.core import crypto
token = "eyJhbGciOiJFUzM4NCJ9.eA." + crypto.b64(signed)
assert jws.deserialize_compact(token, key, algorithms=["ES384"]).payload == b"x"
""",
    "a gateway": READY + """
from idp.gateways import sms
gateway = sms.connect("fonnte:https://:token@sms.example", app.extensions["idp.settings"])
assert isinstance(gateway, sms.HttpGateway)
""",
    "a command": """
import subprocess, sys
said = subprocess.run([sys.executable, "-m", "idp", "greet"], check=True, capture_output=True, text=True).stdout
assert said == "Greetings from http://localhost:5000.\\n"
""",
    "a language": READY + """
from idp.core import languages
assert languages.find("jv-ID").name == "Basa Jawa"
browser = app.test_client()
assert 'lang="jv"' in browser.get("/bukan-saya?ui_locales=jv", headers={"Accept-Language": "jv"}).get_data(as_text=True)
""",
    "a page": READY + """
page = app.test_client().get("/bantuan")
assert page.status_code == 200 and "<h1>Bantuan</h1>" in page.get_data(as_text=True)
""",
    "a setting": """
import os
os.environ["IDP_SUPPORT_PHONE"] = "129"
from idp.core.settings import load_settings
from idp.cli.config import settings_table
assert load_settings().support_phone == "129"
assert "| `IDP_SUPPORT_PHONE` | `1500-630` | The number that error pages show. |" in settings_table()
""",
    "a migration": READY + """
from sqlalchemy import inspect
from idp.cli.database import upgrade_tables
from idp.storage.database import db
with app.app_context():
    upgrade_tables()
    assert inspect(db.engine).has_table("offices")
""",
    "an audit event": """
from idp.audit import trail
assert "help_asked" in trail.EVENTS
""",
}  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The house without its history."""
    for name in ("idp", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "clients.yaml", tmp_path)
    return tmp_path


def kept(house: Path, promise: str) -> "subprocess.CompletedProcess[str]":
    plain = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
    environment = plain | {"PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", promise], cwd=house, env=environment, capture_output=True, text=True, timeout=120
    )


def test_every_recipe_is_done() -> None:
    assert set(recipes()) == set(PROMISES)
    assert all(recipes().values())


@pytest.mark.slow
@pytest.mark.parametrize("title", sorted(PROMISES))
def test_a_recipe_does_what_it_promises(copy: Path, title: str) -> None:
    before = kept(copy, PROMISES[title])
    assert before.returncode != 0, "the promise is kept already: it proves nothing"
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""
    for change in recipes()[title]:
        Change(change.path, change.place, change.text.replace('"HEAD"', f'"{newest}"')).apply(copy)
    after = kept(copy, PROMISES[title])
    assert after.returncode == 0, after.stderr
