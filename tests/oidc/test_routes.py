"""The protocol's tables: complete where they stand, each row with its clause, each step named for what it is."""

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from idp.core.settings import Settings
from idp.oidc.authorization import pipeline
from idp.oidc.authorization.prompts import Prompt
from idp.oidc.clients import authentication, registration
from idp.oidc.clients.entry import ClientEntry
from idp.oidc.clients.switches import SWITCHES
from idp.oidc.metadata import discovery
from idp.oidc.routes import ROUTES
from idp.oidc.tokens.grants import GRANT_CLASSES
from idp.oidc.tokens.grants.authorization_code import REDEMPTION_STEPS
from tests.test_architecture import IDP, MODULES, name_of

ROOT = IDP.parent

# Which kinds of step each table may hold, by the first word of their names.
KINDS = {
    "PARAMETER_SOURCES": {"resolve"},
    "IDENTIFICATION_STEPS": {"find", "resolve", "parse", "check"},
    "VALIDATION_STEPS": {"parse", "check"},
    "PUSHED_REQUEST_STEPS": {"check"},
    "DEVICE_AUTHORIZATION_STEPS": {"parse", "check"},
    "DEVICE_STEPS": {"find", "parse", "check"},
    "BEFORE_INTERACTION": {"keep"},
    "BEFORE_RESPONSE": {"consume", "add", "check"},
    "AFTER_RESPONSE": {"set"},
}
CLAUSE = re.compile(r".{4,}")
EDITS = {"append", "extend", "insert", "add", "update", "setdefault", "pop", "remove", "discard", "clear", "popitem"}
LEAVE_SOMETHING = {"find", "resolve", "parse"}


def clauses() -> Iterator[tuple[str, str]]:
    """Every row of every table: where it stands, and its clause."""
    for table in KINDS:
        for step, clause in getattr(pipeline, table):
            yield f"{table}: {step.__name__}", clause
    for row in pipeline.PROMPT_POLICY:
        yield ("PROMPT_POLICY: " + row.name, row.clause) if isinstance(row, Prompt) else ("PROMPT_POLICY", row[1])
    yield from ((f"route {route.rule}", route.clause) for route in ROUTES)
    yield from ((f"grant {grant.__name__}", clause) for grant, _, clause in GRANT_CLASSES)
    yield from ((f"authentication {name}", method.clause) for name, method in authentication.METHODS.items())
    yield from ((f"metadata {feature.__name__}", clause) for feature, clause in discovery.METADATA_FEATURES)
    yield from ((f"switch {switch.name}", switch.clause) for switch in SWITCHES)
    yield from ((f"redemption {step.__name__}", clause) for step, clause in REDEMPTION_STEPS)


def test_every_row_names_its_clause() -> None:
    assert not [where for where, clause in clauses() if not CLAUSE.fullmatch(clause)]


def test_no_clause_stands_alone_without_a_number_or_the_name_of_a_specification() -> None:
    told = re.compile(r"(RFC \d+|OpenID|OAuth|Registration|Logout|Session Management|Authentication|UU \d+|NIST|our own)")
    assert not [f"{where}: {clause}" for where, clause in clauses() if not told.search(clause)]


@pytest.mark.parametrize("table", KINDS)
def test_each_step_is_named_for_what_it_is(table: str) -> None:
    wrong = [step.__name__ for step, _ in getattr(pipeline, table) if step.__name__.partition("_")[0] not in KINDS[table]]
    assert not wrong


def test_the_pipeline_has_no_table_that_this_file_does_not_know() -> None:
    tables = {name for name in vars(pipeline) if name.isupper()}
    assert tables == KINDS.keys() | {"PROMPT_POLICY"}
    assert all(isinstance(getattr(pipeline, name), tuple) for name in tables), "a list could be added to"


def test_a_check_leaves_nothing_on_the_request_and_a_parser_does() -> None:
    wrong = []
    for table in KINDS:
        for step, _ in getattr(pipeline, table):
            kind = step.__name__.partition("_")[0]
            changes = _changes_the_request(step)
            if (kind == "check" and changes) or (kind in LEAVE_SOMETHING and not changes):
                wrong.append(step.__name__)
    assert not wrong


def _changes_the_request(step: Any) -> bool:
    tree = ast.parse(inspect.getsource(step))
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        if any(_root(target) == "request" and isinstance(target, ast.Attribute | ast.Subscript) for target in targets):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in EDITS and _root(node.func) == "request":
                return True
    return False


def _root(node: ast.AST) -> str:
    """The name that a chain of attributes begins with; empty for what a call returned, which is a record and no table."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def edits_of_others(tree: ast.AST) -> list[str]:
    """Where a module assigns to, or edits, what it has imported from another of ours."""
    imported = {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "idp"
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        targets: list[Any] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = list(node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EDITS:
            # A table is an upper-case name; `module.add(...)` is a function of that module.
            targets = [node.func.value] if _is_table(node.func.value) else []
        found += [
            f"line {target.lineno}: {ast.unparse(target)}"
            for target in targets
            if _root(target) in imported and (isinstance(target, ast.Attribute | ast.Subscript) or _is_table(target))
        ]
    return found


def _is_table(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.isupper()


def test_nothing_edits_the_tables_of_another_module() -> None:
    """Hidden wiring: whoever reads a table must see all of it."""
    wrong = [f"{name_of(path)}, {edit}" for path in MODULES for edit in edits_of_others(ast.parse(path.read_text()))]
    assert not wrong


@pytest.mark.parametrize(
    "line",
    [
        "pipeline.STEPS.append(1)",
        "pipeline.STEPS.insert(0, 1)",
        "pipeline.STEPS += [1]",
        "pipeline.STEPS = []",
        "pipeline.TABLE['a'] = 1",
        "STEPS.extend([1])",
        "STEPS += (1,)",
        "del pipeline.STEPS",
        "def late():\n    pipeline.STEPS.update({})",
    ],
)
def test_every_way_of_editing_is_seen(line: str) -> None:
    head = "from idp.oidc.authorization import pipeline\nfrom idp.oidc.authorization.pipeline import STEPS\n"
    assert edits_of_others(ast.parse(head + line))


def test_every_route_of_the_protocol_stands_in_the_table(app: Flask) -> None:
    bound = {(str(rule), method) for rule in app.url_map.iter_rules() if rule.endpoint.startswith("oidc.")
             for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}  # fmt: skip
    assert bound == {(route.rule, method) for route in ROUTES for method in route.methods}


def test_the_room_of_every_prompt_exists(app: Flask) -> None:
    pages = {row.page for row in pipeline.PROMPT_POLICY if isinstance(row, Prompt)}
    assert pages <= app.view_functions.keys()


def test_every_switch_of_a_feature_stands_in_the_table() -> None:
    """A member that is yes or no, or one of a few words, switches something."""
    names = {switch.name for switch in SWITCHES if switch.by != "setting"}
    assert names <= ClientEntry.model_fields.keys()
    assert {switch.name for switch in SWITCHES if switch.by == "setting"} <= Settings.model_fields.keys()
    few = {name for name, field in ClientEntry.model_fields.items() if re.search(r"bool|Literal", str(field.annotation))}
    algorithms = {name for name in ClientEntry.model_fields if name.endswith(("_alg", "_enc"))}
    assert few | algorithms <= names


def test_what_operators_alone_may_switch_no_client_registers() -> None:
    operators = {switch.name for switch in SWITCHES if switch.by == "operator"}
    assert operators >= {"first_party", "pkce", "profile", "claims", "resources", "token_exchange"}
    assert not operators & registration.REGISTRABLE_MEMBERS
    assert {switch.name for switch in SWITCHES if switch.by == "client"} <= registration.REGISTRABLE_MEMBERS


def test_the_pages_for_relying_parties_name_every_switch() -> None:
    told = (ROOT / "docs/protocol.md").read_text()
    unnamed = [s.name for s in SWITCHES if s.name not in told.lower() and not s.name.endswith(("_alg", "_enc"))]
    assert not unnamed
