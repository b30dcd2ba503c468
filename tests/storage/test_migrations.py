"""The tables' history: up, down, and up with data, on both databases; and nothing that the models know is missing."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import create_engine, inspect, text

from idp.cli.database import _alembic, _build_missing_indexes
from idp.storage.database import db
from tests import stores


@pytest.fixture(params=[stores.LITTLE, stores.LARGE])
def engine(request, tmp_path):
    """An empty database."""
    if request.param == stores.LITTLE:
        engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
        yield engine
        engine.dispose()
        return
    with stores.postgresql(tmp_path) as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def run(engine, verb, revision):
    with engine.begin() as connection:
        getattr(command, verb)(_alembic(connection), revision)


def tables(engine):
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_up_down_and_up_with_data(app, engine):
    run(engine, "upgrade", "head")
    assert tables(engine) == set(db.metadata.tables)
    with engine.begin() as connection:
        connection.execute(text(
            "INSERT INTO accounts (subject, nik_sealed, nik_index, name_sealed, password_hash, acr, locale, roles, state,"
            " created_at, updated_at, password_changed_at)"
            " VALUES ('s', 'x', 'x', 'x', 'x', 'x', 'id', '[]', 'active', 1, 1, 1)"
        ))  # fmt: skip
    run(engine, "upgrade", "head")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM accounts")) == 1
    run(engine, "downgrade", "base")
    assert tables(engine) == set()
    run(engine, "upgrade", "head")
    assert tables(engine) == set(db.metadata.tables)


def test_autogenerate_finds_nothing(app, engine):
    run(engine, "upgrade", "head")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_two_contacts_in_use_cannot_be_alike(app, engine):
    run(engine, "upgrade", "head")
    insert = "INSERT INTO contacts (subject, kind, value_sealed, value_index, verified_at, superseded_at) VALUES ('s', 'phone', 'x', 'i', 1, {})"
    account = (
        "INSERT INTO accounts (subject, nik_sealed, nik_index, name_sealed, password_hash, acr, locale, roles, state, created_at,"
        " updated_at, password_changed_at) VALUES ('s', 'x', 'x', 'x', 'x', 'x', 'id', '[]', 'active', 1, 1, 1)"
    )
    with engine.begin() as connection:
        connection.execute(text(account))
        connection.execute(text(insert.format("5")))
        connection.execute(text(insert.format("NULL")))
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(insert.format("NULL")))


def test_what_waits_in_two_outboxes_waits_on_in_one(app, engine):
    """Migration 0014: notices to people and to services keep their words, their tries and their time."""
    run(engine, "upgrade", "0013")
    notice = (
        "INSERT INTO notice_deliveries VALUES ('n', 'password_changed', 'sms', 's', 'sealed', 'pending', 2, 10, 20, 'refused')"
    )
    logout = "INSERT INTO logout_notices (id, client_id, subject, sid, state, attempts, created_at, next_at) VALUES ('{}', 'wlkp', 's', 'the-sid', '{}', 1, 11, 21)"
    with engine.begin() as connection:
        connection.execute(text(notice))
        for row in (("l", "pending"), ("d", "delivered"), ("f", "failed")):
            connection.execute(text(logout.format(*row)))
    former = (
        "SELECT * FROM notice_deliveries",
        "SELECT id, client_id, subject, sid, state, attempts, created_at, next_at FROM logout_notices ORDER BY id",
    )
    with engine.connect() as connection:
        before = [connection.execute(text(query)).all() for query in former]
    run(engine, "upgrade", "0014")
    with engine.connect() as connection:
        kept = connection.execute(
            text("SELECT id, kind, about, destination, account, message_sealed, state, attempts, next_at FROM outbox ORDER BY id")
        ).all()
    assert [tuple(row) for row in kept] == [
        ("d", "logout", "the-sid", "wlkp", "s", "", "sent", 1, 21),
        ("f", "logout", "the-sid", "wlkp", "s", "", "given_up", 1, 21),
        ("l", "logout", "the-sid", "wlkp", "s", "", "pending", 1, 21),
        ("n", "notice", "password_changed", "sms", "s", "sealed", "pending", 2, 20),
    ]
    run(engine, "downgrade", "0013")
    with engine.connect() as connection:
        assert [connection.execute(text(query)).all() for query in former] == before


@pytest.mark.every_store
def test_no_statement_waits_for_ever(app: Flask) -> None:
    """O4: a PostgreSQL that hangs, or a lock that nobody lets go of, held every thread."""
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name != "postgresql":
            return
        limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in limits}
    assert found == {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}


@pytest.mark.every_store
def test_indexes_are_built_ahead_of_an_upgrade(app: Flask) -> None:
    """O8: an index that is built inside the migration stops every write to its table for as long as that takes."""
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text("DROP INDEX ix_outbox_state_created_at"))
            connection.execute(text("DROP INDEX ix_recoveries_until"))
        assert sorted(_build_missing_indexes()) == ["ix_outbox_state_created_at", "ix_recoveries_until"]
        assert list(_build_missing_indexes()) == []
        with db.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []
