"""H5: whatever stands under idp/ is used there: a name that only tests use is a promise that nobody keeps."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import authlib
import click
from flask import Flask
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase

from idp.audit.trail import EVENTS
from tests.test_architecture import IDP, MODULES, name_of

# What no caller shows, and why it stays.
KEPT = {
    "web.cookies.COOKIES": "every cookie in one table, which the tests and the page on privacy are held against",
}


def module_of(path: Path) -> ModuleType:
    name = name_of(path)
    return importlib.import_module("idp" if name == "__init__" else f"idp.{name}")


def texts_in(tree: ast.AST) -> Iterator[str]:
    """Texts that may name something, such as the worker that granian is told of."""
    yield from (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))


def called_by_authlib() -> set[str]:
    """The hooks that Authlib calls on what we hand to it, whether or not a base class has them."""
    sources = (path.read_text() for path in Path(authlib.__file__).parent.rglob("*.py"))
    return {name for source in sources for name in re.findall(r"\.(\w+)\(", source)}


def uses_in(tree: ast.AST) -> Iterator[tuple[str, int, type]]:
    """Every name that is read: the line, and whether by itself or as an attribute (of a module or an object)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id, node.lineno, ast.Name
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno, ast.Attribute


def defined(tree: ast.Module) -> Iterator[tuple[str, str, ast.stmt]]:
    """Public functions, classes and constants of a module, and public methods: qualified name, bare name, where."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.name, node
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{m.name}", m.name, m) for m in node.body if isinstance(m, ast.FunctionDef))
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        yield from ((t.id, t.id, node) for t in targets if isinstance(t, ast.Name))


def called_by_a_framework(found: Any, owner: type | None, name: str, views: set[Any]) -> bool:
    """What Flask, Click, SQLAlchemy, pydantic or a base class of a library calls: it is found by its registration."""
    if isinstance(found, click.Command) or getattr(found, "__wrapped__", found) in views or found in views:
        return True
    if inspect.isclass(found):
        return issubclass(found, DeclarativeBase | BaseModel)
    bases = [base for base in owner.__mro__[1:] if not base.__module__.startswith("idp.")] if owner else []
    return any(name in vars(base) for base in bases)


def unused(app: Flask) -> list[str]:
    views = {view for view in app.view_functions.values()}
    views |= {handler for by in app.error_handler_spec.values() for known in by.values() for handler in known.values()}
    views |= {getattr(view, "__wrapped__", view) for view in views}
    trees = {path: ast.parse(path.read_text()) for path in MODULES}
    uses: dict[str, list[tuple[Path, int, type]]] = {}
    for path, tree in trees.items():
        for name, line, kind in uses_in(tree):
            uses.setdefault(name, []).append((path, line, kind))
    strings = {text for tree in trees.values() for text in texts_in(tree)}
    hooks = called_by_authlib()
    pages = set(re.findall(r"\w+", " ".join(page.read_text() for page in (IDP / "templates").rglob("*.html"))))
    found = []
    for path, tree in trees.items():
        for qualified, name, node in defined(tree):
            kinds = (ast.Attribute,) if "." in qualified else (ast.Name, ast.Attribute)
            outside = [
                at
                for at in uses.get(name, [])
                if at[2] in kinds and (at[0] != path or not node.lineno <= at[1] <= (node.end_lineno or 0))
            ]
            known = f"{name_of(path)}.{qualified}"
            if name.startswith("_") or outside or name in pages or known in KEPT:
                continue
            if f"idp.{name_of(path)}:{name}" in strings or (known.startswith("oidc.") and "." in qualified and name in hooks):
                continue
            owner, _, method = qualified.rpartition(".")
            holder = getattr(module_of(path), owner, None) if owner else None
            value = inspect.getattr_static(holder, method, None) if holder else getattr(module_of(path), name, None)
            if not called_by_a_framework(value if _hashable(value) else None, holder, name, views):
                found.append(known)
    return sorted(found)


def _hashable(value: Any) -> bool:
    return getattr(type(value), "__hash__", None) is not None


def test_every_public_name_has_a_caller(app: Flask) -> None:
    """H5: tests do not count as callers."""
    assert unused(app) == []


def _is_log_line(node: Any) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _text(node.func.value) == "log"
        and bool(node.args)
    )


def _text(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def test_every_event_of_the_trail_is_recorded_somewhere() -> None:
    """H5: an event that nothing writes is one that an operator waits for in vain."""
    written: set[str] = set()
    for path in MODULES:
        tree = ast.parse(path.read_text())
        logged = {id(node.args[0]) for node in ast.walk(tree) if _is_log_line(node)}
        own = name_of(path) == "audit.trail"
        written |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in logged and not own
        }
    assert sorted(EVENTS - written) == []
