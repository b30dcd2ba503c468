"""The suite's own rules: laid out as the code is, waits in one way, and steps in a browser that end when their page is there."""

import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
IDP = TESTS.parent / "idp"
# Folders that ask something of the whole house instead of one package.
ACROSS = {"journeys", "attacks", "conformance", "browser", "interop", "deploy", "simulation", "faults"}
# Rooms are walked through as people walk through them: their tests may be journeys of their name.
JOURNEYS = TESTS / "journeys"


def folders(root: Path) -> Iterator[str]:
    """Packages under a folder, by their path from there."""
    for found in sorted(root.rglob("__init__.py")):
        if found.parent != root and "versions" not in found.parts:
            yield found.parent.relative_to(root).as_posix()


def word(name: str) -> str:
    """The same for one and for many."""
    return name.rstrip("s")


def test_each_folder_is_a_package_of_the_house_or_asks_something_of_all() -> None:
    """H6: whoever looks for the tests of a package finds them under its name."""
    packages = set(folders(IDP))
    assert not [folder for folder in folders(TESTS) if folder not in packages and folder.split("/")[0] not in ACROSS]


def test_each_package_of_the_house_has_tests_under_its_name() -> None:
    """H6."""
    known = {path.relative_to(TESTS).parent.as_posix() for path in TESTS.rglob("test_*.py")}
    walked = {path.stem.removeprefix("test_").split("_")[0] for path in JOURNEYS.glob("test_*.py")}
    assert not [
        p for p in folders(IDP) if not any(f == p or f.startswith(f"{p}/") or p.startswith(f"{f}/") for f in known | walked)
    ]


def test_a_file_of_tests_begins_with_the_name_of_what_it_tests() -> None:
    """H6: tests/audit/test_trail.py tests idp/audit/trail.py; what is about a whole package begins with the package's name."""
    lost = []
    for path in TESTS.rglob("test_*.py"):
        place = IDP / path.parent.relative_to(TESTS)
        if not (place / "__init__.py").exists() or place == IDP:
            continue
        known = {word(found.stem) for found in place.glob("[a-z]*") if not found.name.startswith("__")} | {word(place.name)}
        parts = path.stem.removeprefix("test_").split("_")
        begins = {word("_".join(parts[:length])) for length in range(1, len(parts) + 1)}
        lost += [] if begins & known else [path.relative_to(TESTS).as_posix()]
    assert not lost


def sources(pattern: str = "*.py") -> Iterator[tuple[str, str]]:
    """Files of tests and what they say, without this one."""
    for path in TESTS.rglob(pattern):
        if path != Path(__file__) and "node_modules" not in path.parts:
            yield path.relative_to(TESTS).as_posix(), path.read_text()


def test_nobody_pauses_and_everybody_waits_in_one_way() -> None:
    """H6, H7: a pause is too long for most machines, and too short for a busy one."""
    pauses = re.compile(r"\bsleep\(|Event\(\)\.wait\(|wait_for_timeout\(|networkidle")
    may = {"waiting.py", "attacks/test_ssrf.py"}  # the second is a server that drips
    assert not [name for name, text in sources() if pauses.search(text) and name not in may]


def test_a_step_in_a_browser_waits_for_what_it_has_caused() -> None:
    """H7: a bare click ends before the page that it leads to is there; `press`, `touch` and `leaving` say what is meant."""
    bare = re.compile(r"\.click\(|\.dblclick\(|keyboard\.press\(\"Enter\"\)")
    around = re.compile(r"with leaving\([\w.]+\):\n\s+[\w.]*keyboard\.press\(\"Enter\"\)")
    found = [name for name, text in sources("browser/*.py") if bare.search(around.sub("", text))]
    assert found == ["browser/tab.py"]
