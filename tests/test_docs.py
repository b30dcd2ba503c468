"""Documents that cannot lie: every setting, endpoint, command and member of an entry is in them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from idp.cli import COMMANDS, main
from idp.cli.config import settings_table
from idp.cli.stacks import STACKS
from idp.core import lifetimes
from idp.oidc.clients import file
from idp.oidc.clients.client import Client
from scripts import stack_pages

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
PROSE = README + "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))


def test_the_readme_has_every_setting_as_it_is():
    assert settings_table() in README, "put the output of `idp config table` into README.md"


def test_the_operators_guide_has_every_lifetime_as_it_is():
    guide = (ROOT / "docs" / "operations.md").read_text()
    assert lifetimes.table() in guide, "put the second table of `idp config table` into docs/operations.md"


def test_every_endpoint_is_documented(app):
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"<\1>", rule.rule)
        first = "/interaction/<id>" if path.startswith("/interaction/") else "/" + path.split("/")[1]
        assert f"`{first}" in PROTOCOL or f"`{path}`" in PROTOCOL, f"{path} is not in docs/protocol.md"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented(name):
    command = main.get_command(click.Context(main), name)
    subcommands = sorted(command.commands) if isinstance(command, click.Group) else []
    assert f"`idp {name}" in PROSE, f"idp {name} is not documented"
    for sub in subcommands:
        assert re.search(rf"idp {name}[^|\n]*\b{sub}\b", PROSE), f"idp {name} {sub} is not documented"


@pytest.mark.parametrize("member", sorted(set(Client.model_fields) - {"names", "sector"}))
def test_every_member_of_an_entry_is_documented(member):
    shape = member.replace("id_token_encrypted", "…_encrypted").replace("userinfo_encrypted", "…_encrypted")
    assert f"`{member}" in PROTOCOL or f"`{shape}" in PROTOCOL, f"{member} is not in docs/protocol.md"


def test_the_first_steps_of_a_service_work_as_they_are_written(tmp_path):
    """R2: word for word, in a folder where nothing is yet."""
    steps = README.partition("## You run a service")[2].partition("\n2. ")[0]
    commands = [line.strip() for line in steps.splitlines() if line.startswith(" " * 7)]
    assert commands[0] == ". .venv/bin/activate"
    script = f'idp() {{ {sys.executable} -m idp "$@"; }}\n' + "\n".join(commands[1:])
    plain = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")} | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=plain, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    told = dict(line.split("=", 1) for line in (tmp_path / "layanan-saya.env").read_text().splitlines())
    entry = file.load(tmp_path / "clients.yaml")["layanan-saya"]
    assert entry.check_client_secret(told["SIAPKERJA_CLIENT_SECRET"])
    assert told["SIAPKERJA_ISSUER"] == "http://localhost:5000", "as `make run` serves"
    assert told["SIAPKERJA_REDIRECT_URI"] in entry.redirect_uris


def program_of(stack):
    """The files of a program, without those that a command makes, that the page shows as lines, or that are empty."""
    others = {"go.sum", "config.js", "__init__.py"}
    files = [path for path in (ROOT / "examples" / "stacks" / stack).rglob("*") if path.is_file() and path.name not in others]
    return [path for path in files if not {"node_modules", "__pycache__", "target"} & set(path.parts)]


@pytest.mark.parametrize("stack", sorted(STACKS))
def test_the_page_of_each_stack_shows_the_program_that_is_run(stack):
    """R3, R4: whole, letter by letter; `scripts/stack_pages.py` puts it there."""
    page = (ROOT / "docs" / "stacks" / f"{stack}.md").read_text()
    assert stack_pages.refreshed(page) == page
    tracked = program_of(stack)
    assert tracked
    for path in tracked:
        assert f"<!-- file: {path.relative_to(ROOT)} -->" in page
    assert f"<!-- lines: {stack} -->" in page
    assert f"(stacks/{stack}.md)" in (ROOT / "docs" / "relying-parties.md").read_text()


def test_programs_speak_the_words_that_services_are_asked_to_speak():
    """Issue 10: one word for each thing, from a service's front page on."""
    table = (ROOT / "docs" / "relying-parties.md").read_text().partition("## Words on your pages")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| ")][1:]
    first, last = rows[0][1], rows[1][1]
    assert (first, last) == ("Masuk dengan SIAPkerja ID", "Keluar")
    for stack in set(STACKS) - {"api", "mobile", "next", "laravel"}:  # no page of their own in the program
        text = "".join(path.read_text() for path in program_of(stack))
        assert first in text and f">{last}</button>" in text, stack
        for never in (word.strip() for row in rows for word in row[3].split(",") if word.strip()[:1].isupper()):
            assert not re.search(rf">[^<>{{}}]*\b{never}\b[^<>{{}}]*</(?:a|button|h1)>", text), (stack, never)


def test_links_between_documents_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_no_path_of_a_machine_and_no_address_of_an_index_is_tracked():
    for lock in ROOT.glob("requirements*.lock"):
        assert "--index-url" not in lock.read_text() and "https://" not in lock.read_text()


def test_whatever_broke_once_is_held_by_a_test_that_names_it() -> None:
    rows = re.findall(
        r"^\| (S\d+) \|.*\| `(tests/[\w/]+\.py)` \|$", (ROOT / "docs" / "threat-model.md").read_text(), re.MULTILINE
    )
    assert [number for number, _ in rows] == [f"S{n}" for n in range(1, 31)]
    assert [f"{number} {file}" for number, file in rows if not re.search(rf"\b{number}\b", (ROOT / file).read_text())] == []
