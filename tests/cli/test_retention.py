"""The operator removes what is past its time, and sees what went."""

import re
import sqlite3

from tests.cli.conftest import Operator


def test_a_run_tells_each_kind_and_its_time(equipped: Operator) -> None:
    equipped.reads("db", "upgrade")
    said = equipped.reads("retention", "run")
    assert "audit events, kept 548 days: 0 removed, done" in said
    assert re.findall(r"^(?!.*done$).+", said, re.MULTILINE) == []
    assert equipped.reads("retention", "run") == said
    assert "as they were written" in equipped.reads("audit", "verify")


def test_what_could_not_be_removed_is_told_and_the_rest_is_gone(equipped: Operator) -> None:
    equipped.reads("db", "upgrade")
    equipped.reads("demo", "seed")
    with sqlite3.connect(equipped.var / "idp.db") as connection:
        connection.execute("UPDATE audit_events SET at = 0")
    assert "(audit events)" in equipped.errs("retention", "run")
    assert "browsers not seen again" in equipped.types("retention", "run").stdout
