"""O8: what runs on the side reads the rows that it is about and never a whole table, however large that has become."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, text

from idp import notices
from idp.maintenance import queues, retention
from idp.oidc.logout import back_channel
from idp.probation import answers
from idp.storage.database import db

pytestmark = pytest.mark.every_store
CHORES: dict[str, Callable[[], object]] = {
    **{kept.name: (lambda kept=kept: kept.remove(1000)) for kept in retention.POLICY},
    "notices": notices.deliver_due,
    "logout": back_channel.deliver_due,
    "recoveries": answers.record_expired,
    "queues": queues.measure,
}


@contextmanager
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Statements with their parameters, as they go to the database."""
    statements: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


def plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """How the database would go about it; PostgreSQL is kept from walking tables that are small today."""
    if connection.dialect.name == "sqlite":
        return [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    return [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]


def walks_a_table(line: str) -> bool:
    """Whether this step of a plan reads a table from end to end (SQLite says so of its own lists, too)."""
    scan = line.startswith("SCAN ") and "USING" not in line and not line.startswith(("SCAN LIST", "SCAN CONSTANT"))
    return scan or "Seq Scan" in line


def test_no_chore_walks_a_whole_table(here: Flask) -> None:
    """O8: retention and sweeps took as long as the tables were large, in one transaction."""
    walks = []
    for name, chore in CHORES.items():
        with heard() as statements:
            chore()
        asked = [(s, p) for s, p in statements if s.lstrip().upper().startswith(("SELECT", "DELETE", "UPDATE"))]
        assert asked, f"{name} asks the database"
        with db.engine.connect() as connection:
            walks += [
                f"{name}: {line.strip()}: {statement}"
                for statement, parameters in asked
                for line in plan(connection, statement, parameters)
                if walks_a_table(line)
            ]
    assert walks == []
