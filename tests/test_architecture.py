"""The floors of the house: who may import whom, and who alone touches what; walked in the syntax trees, one test a rule."""

import ast
from collections.abc import Iterator
from pathlib import Path

IDP = Path(__file__).resolve().parent.parent / "idp"

# Every floor is a list of packages: the folder of a module says where it stands. Imports point downstairs only.
FLOORS = (
    ("core",),
    ("storage",),
    ("web",),
    ("audit", "limits"),
    ("gateways",),
    ("accounts", "notices", "one_time_codes", "identity", "sessions", "authenticators", "probation", "interaction"),
    ("login", "registration", "recovery", "account", "oidc", "pages"),
    ("maintenance",),
    ("cli",),
)
ROOMS = FLOORS[6]
# The front door: the only modules that stand directly under idp/.
LOOSE = {"__init__", "__main__", "application"}
# The rooms inside the protocol, and the few modules that all of them share.
PROTOCOL_ROOMS = {"authorization", "tokens", "clients", "logout", "device", "metadata"}
PROTOCOL_SHARED = {"__init__", "routes", "server", "request", "errors", "cors", "untrusted_json", "algorithms", "scopes"}

# What only some may import: the library's name, and the packages or modules that may.
KEEPERS = {
    "authlib": {"oidc"},
    "joserfc": {"oidc"},
    "redis": {"storage.redis_store", "storage.redis_urls", "limits"},
    "httpx": {"gateways", "oidc.clients.fetch", "cli"},
    "smtplib": {"gateways"},
    "secrets": {"core.crypto"},
    "hmac": {"core.crypto"},
    "hashlib": {"core.crypto"},
    "random": set(),
    "argon2": {"accounts"},
    "pyotp": {"authenticators"},
    "segno": {"authenticators"},
    "webauthn": {"authenticators"},
    "prometheus_client": {"web.metrics"},
}
# Who may ask the operating system for the time: the clock, and what waits for another process.
ASK_THE_TIME = {"core.clock", "storage.embedded_redis"}
MODULES = sorted(path for path in IDP.rglob("*.py") if "versions" not in path.parts)


def name_of(path: Path) -> str:
    """The dotted name under `idp`, a package's without its `__init__`."""
    parts = path.relative_to(IDP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def package_of(path: Path) -> str:
    """The folder directly under `idp` that a file stands in; empty for the front door."""
    parts = path.relative_to(IDP).parts
    return parts[0] if len(parts) > 1 else ""


def imported(path: Path, *, runtime: bool = False, late: bool = True) -> Iterator[str]:
    """Names that a file imports; `runtime` leaves out what only type checkers read, `late=False` what functions import."""
    tree = ast.parse(path.read_text())
    skipped = {id(node) for block in ast.walk(tree) if runtime and _for_types(block) for node in ast.walk(block)}
    if not late:
        skipped |= {id(node) for block in ast.walk(tree) if isinstance(block, ast.FunctionDef) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def packages_imported(path: Path) -> set[str]:
    """Our other packages that a file imports at run time."""
    names = {name.split(".")[1] for name in imported(path, runtime=True) if name.startswith("idp.")}
    return (names & {package for floor in FLOORS for package in floor}) - {package_of(path)}


def floor_of(package: str) -> int:
    """The number of a package's floor; the front door is above all."""
    return next((number for number, floor in enumerate(FLOORS) if package in floor), len(FLOORS))


def test_every_module_stands_on_a_floor():
    known = {package for floor in FLOORS for package in floor}
    loose = {path.stem for path in MODULES if not package_of(path)}
    assert loose == LOOSE
    assert {package_of(path) for path in MODULES} - {""} == known


def test_the_protocol_is_divided_by_what_it_does():
    inside = [path.relative_to(IDP / "oidc").parts for path in MODULES if package_of(path) == "oidc"]
    assert {parts[0] for parts in inside if len(parts) > 1} == PROTOCOL_ROOMS
    assert {parts[0].removesuffix(".py") for parts in inside if len(parts) == 1} <= PROTOCOL_SHARED


def test_imports_point_downstairs_and_rooms_do_not_know_each_other():
    wrong = []
    for path in MODULES:
        mine = package_of(path)
        for other in packages_imported(path) if mine else ():
            upstairs = floor_of(other) > floor_of(mine)
            neighbours = mine in ROOMS and other in ROOMS
            wrong += [f"{name_of(path)} imports {other}"] if upstairs or neighbours else []
    assert not wrong


def test_modules_import_by_whole_names():
    relative = [name_of(path) for path in MODULES for node in ast.walk(ast.parse(path.read_text())) if getattr(node, "level", 0)]
    assert not relative


def test_modules_have_no_cycles_at_run_time_nor_in_types():
    names = {f"idp.{name_of(path)}" for path in MODULES}
    for runtime in (True, False):
        graph = {f"idp.{name_of(path)}": _modules(path, names, runtime) for path in MODULES}
        assert _cycle(graph) is None, f"a cycle ({'at run time' if runtime else 'in types'}): {_cycle(graph)}"


def _modules(path: Path, names: set[str], runtime: bool) -> set[str]:
    found = set()
    for name in imported(path, runtime=runtime, late=not runtime):
        module = name if name in names else name.rpartition(".")[0]
        if module in names and module != f"idp.{name_of(path)}":
            found.add(module)
    return found


def _cycle(graph: dict[str, set[str]]) -> str | None:
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> str | None:
        if name in way:
            return " → ".join((*way[way.index(name) :], name))
        if name in done:
            return None
        found = next(filter(None, (visit(other, (*way, name)) for other in sorted(graph[name]))), None)
        done.add(name)
        return found

    return next(filter(None, (visit(name, ()) for name in sorted(graph))), None)


def test_each_library_has_its_keepers():
    wrong = []
    for path in MODULES:
        me = name_of(path)
        for library in {name.split(".")[0] for name in imported(path)} & KEEPERS.keys():
            if not any(me == keeper or me.startswith(f"{keeper}.") for keeper in KEEPERS[library]):
                wrong.append(f"{me} imports {library}")
    assert not wrong


def test_only_the_clock_asks_the_time():
    others = [path for path in MODULES if name_of(path) not in ASK_THE_TIME]
    assert not [name_of(p) for p in others if "time" in {name.split(".")[0] for name in imported(p)}], "ask idp.core.clock"
    assert not [name_of(p) for p in others if "datetime.now(" in p.read_text().replace("clock.now(", "")], "ask idp.core.clock"


def test_only_the_unit_of_work_commits():
    """A change, its notices and its audit events are one transaction: nobody commits a part of it by hand."""
    others = [path for path in MODULES if name_of(path) != "storage.unit_of_work"]
    assert not [name_of(path) for path in others if "session.commit(" in path.read_text()]


def test_files_and_functions_stay_small_and_say_their_purpose():
    wrong = []
    for path in MODULES:
        text = path.read_text()
        tree = ast.parse(text)
        wrong += [f"{name_of(path)} is longer than 350 lines"] if text.count("\n") > 350 else []
        wrong += [] if ast.get_docstring(tree) else [f"{name_of(path)} does not say in one sentence what it is for"]
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        wrong += [f"{name_of(path)}.{f.name} is too long" for f in functions if (f.end_lineno or 0) - f.lineno >= 50]
    assert not wrong


def test_no_module_hides_behind_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "helper", "services", "manager", "managers", "common", "misc"}
    assert not {part for path in MODULES for part in name_of(path).split(".")} & empty
