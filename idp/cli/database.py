"""`idp db`: bring the tables up to this version, or back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, application

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).resolve().parents[1] / "storage" / "migrations"


@click.group()
def database() -> None:
    """Bring the tables up to date, or back."""


@database.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the tables up to REVISION (the newest)."""
    with application():
        upgrade_tables(revision)
    click.echo("The tables are up to date.")


@database.command()
def prepare() -> None:
    """Build the indexes of this version ahead of `upgrade`, while the provider goes on writing (PostgreSQL)."""
    with application():
        for name in _build_missing_indexes():
            click.echo(f"{name}: built.")
    click.echo("The tables are ready for `idp db upgrade`.")


@database.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Bring the tables back to REVISION (`-1` for one step, `base` for none); data of later tables is lost."""
    from alembic import command

    from idp.audit.trail import drain_all
    from idp.storage.database import db

    with application(audited=False):
        drain_all()
        with db.engine.begin() as connection:
            _wait_for_turn(connection)
            with _known_revisions():
                command.downgrade(_alembic(connection), revision)
    click.echo(f"The tables are at {revision}.")


def upgrade_tables(revision: str = "head") -> None:
    """Migrates the application's database, in one transaction where the database can (needs an application context)."""
    from alembic import command

    from idp.storage.database import db

    with db.engine.begin() as connection:
        _wait_for_turn(connection)
        with _known_revisions():
            command.upgrade(_alembic(connection), revision)


def refuse_older_tables() -> list[str]:
    """Raises OperatorError when the tables are of an older version than this program; of a newer one it is told, for during
    an upgrade the former version serves on beside the next."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from idp.storage.database import db

    with db.engine.connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
    known = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    if at is None or (at in known and at != known[0]):
        raise OperatorError(f"The tables are at {at}, and this version wants {known[0]}: run `idp db upgrade`.")
    if at not in known:
        return [f"The tables are at {at}, which this version does not know: a newer one has made them."]
    return []


def _build_missing_indexes() -> Iterator[str]:
    """Names of the indexes that this version has and the tables, as they are, lack; each is there when it is named."""
    from sqlalchemy import inspect
    from sqlalchemy.schema import CreateIndex, DropIndex

    from idp.storage.database import db

    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _take_time(connection, "")
        present = inspect(connection)
        for table in db.metadata.sorted_tables:
            columns = {c["name"] for c in present.get_columns(table.name)} if present.has_table(table.name) else set()
            known = {index["name"] for index in present.get_indexes(table.name)} if columns else set()
            for index in table.indexes:
                if index.name in known or index.unique or not set(index.columns.keys()) <= columns:
                    continue
                index.dialect_options["postgresql"]["concurrently"] = True
                # One that was interrupted stays behind, unusable and under its name.
                connection.execute(DropIndex(index, if_exists=True))
                connection.execute(CreateIndex(index))
                yield str(index.name)


def _take_time(connection: "Connection", local: str = "LOCAL") -> None:
    """A migration takes as long as the tables are large: the limits of a request are not its own."""
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":
        connection.connection.driver_connection.lasting = True  # type: ignore[union-attr]
        connection.detach()  # it never goes back to those that serve requests
        connection.execute(text(f"SET {local} statement_timeout = 0"))
        connection.execute(text(f"SET {local} lock_timeout = 0"))


@contextmanager
def _known_revisions() -> Iterator[None]:
    from alembic.util import CommandError

    try:
        yield
    except CommandError as unknown:
        raise OperatorError(f"{str(unknown).rstrip('.')}: use the version of this program that knows the tables.") from None


def _wait_for_turn(connection: "Connection") -> None:
    from sqlalchemy import text

    # Several hosts may start with --migrate at once: on PostgreSQL the second waits here and then finds nothing to do.
    if connection.dialect.name == "postgresql":
        _take_time(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(724951)"))


def _alembic(connection: "Connection") -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
