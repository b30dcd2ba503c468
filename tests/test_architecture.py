"""The floors of the house: who may import whom, and who alone touches what; walked in the syntax trees."""

import ast
from pathlib import Path

import pytest

IDP = Path(__file__).resolve().parent.parent / "idp"

GROUND = {
    "clock", "values", "secret_rings", "config", "extensions", "tokens", "sealing", "secret_file", "store", "store_urls", "embedded_redis",
    "rate_limits", "audit", "audit_anchor", "audit_chain", "audit_retention", "web", "forms", "fields", "letters", "background", "metrics",
}  # fmt: skip
GATEWAYS = {"gateways"}
RESIDENTS = {"accounts", "identity", "otp", "notices", "known_devices", "sessions", "interaction", "code_step", "drafts", "disclosure", "connections", "authenticators", "probation"}
ROOMS = {"login", "registration", "recovery", "account", "oidc", "pages"}
FRONT_DOOR = {"__init__", "__main__", "application", "cli", "housekeeping", "resealing", "retention", "migrations"}
FLOORS = {name: floor for floor, names in enumerate([GROUND, GATEWAYS, RESIDENTS, ROOMS, FRONT_DOOR]) for name in names}

# What only some may import: the module's first name, and who may.
KEEPERS = {
    "authlib": {"oidc"},
    "joserfc": {"oidc"},
    "redis": {"store", "store_urls", "rate_limits"},
    "httpx": {"gateways", "oidc.fetch", "cli"},
    "smtplib": {"gateways"},
    "secrets": {"tokens"},
    "hmac": {"tokens"},
    "hashlib": {"tokens"},
    "random": set(),
    "argon2": {"accounts"},
    "pyotp": {"authenticators"},
    "segno": {"authenticators"},
    "webauthn": {"authenticators"},
    "prometheus_client": {"metrics"},
}
MODULES = sorted(path for path in IDP.rglob("*.py") if "versions" not in path.parts)


def name_of(path: Path) -> str:
    parts = path.relative_to(IDP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(path: Path, *, runtime: bool = False) -> set[str]:
    """Modules that a file imports; `runtime` leaves out what only type checkers read."""
    tree = ast.parse(path.read_text())
    skipped = {id(node) for block in ast.walk(tree) if runtime and _for_types(block) for node in ast.walk(block)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively: write the whole name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def ours(path: Path) -> set[str]:
    """First names of our own modules that a file imports at run time."""
    return {name.split(".")[1] for name in imports(path, runtime=True) if name.startswith("idp.")} & FLOORS.keys()


def test_every_module_has_a_floor():
    unknown = {name_of(path).partition(".")[0] for path in MODULES} - FLOORS.keys()
    assert not unknown, f"no floor for {unknown}: say in tests/test_architecture.py where they live"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downstairs(path):
    me = name_of(path).partition(".")[0]
    for other in ours(path) - {me}:
        assert FLOORS[other] <= FLOORS[me], f"{name_of(path)} imports {other} from a floor above"
        if me in ROOMS:
            assert other not in ROOMS, f"the room {name_of(path)} imports the room {other}"


def test_the_floors_have_no_cycles():
    graph = {name: set() for name in FLOORS}
    for path in MODULES:
        me = name_of(path).partition(".")[0]
        if me not in FRONT_DOOR:
            graph[me] |= {other for other in ours(path) - {me} if not _imported_late(path, other)}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a cycle: {' → '.join([*way, name])}"
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def _imported_late(path: Path, other: str) -> bool:
    """Whether every import of `other` in this file stands inside a function."""
    top = ast.parse(path.read_text()).body
    names = {alias.name for node in top if isinstance(node, ast.ImportFrom) and node.module == "idp" for alias in node.names}
    modules = {(node.module or "").split(".")[1] for node in top if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("idp.")}
    return other not in names | modules


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_library_has_its_keepers(path):
    me = name_of(path)
    for library in {name.split(".")[0] for name in imports(path)} & KEEPERS.keys():
        keepers = KEEPERS[library]
        assert any(me == keeper or me.startswith(f"{keeper}.") for keeper in keepers), f"{me} imports {library}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_clock_asks_the_time(path):
    if name_of(path) in ("clock", "embedded_redis"):
        return
    assert "time" not in {name.split(".")[0] for name in imports(path)}, "ask idp.clock"
    assert "datetime.now(" not in path.read_text().replace("clock.now(", ""), "ask idp.clock"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 350, "split it: one purpose a file"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "say in one sentence what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{node.name} is too long"


def test_no_module_hides_behind_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "helper", "services", "manager", "managers", "common", "misc"}
    assert not {part for path in MODULES for part in name_of(path).split(".")} & empty
