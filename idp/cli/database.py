"""`idp db`: bring the tables up to this version, or back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from idp.cli import application

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
            command.downgrade(_alembic(connection), revision)
    click.echo(f"The tables are at {revision}.")


def upgrade_tables(revision: str = "head") -> None:
    """Migrates the application's database, in one transaction where the database can (needs an application context)."""
    from alembic import command

    from idp.storage.database import db

    with db.engine.begin() as connection:
        _wait_for_turn(connection)
        command.upgrade(_alembic(connection), revision)


def _wait_for_turn(connection: "Connection") -> None:
    from sqlalchemy import text

    # Several hosts may start with --migrate at once: on PostgreSQL the second waits here and then finds nothing to do.
    if connection.dialect.name == "postgresql":
        # A migration takes as long as the tables are large: the limits of a request are not its own.
        connection.connection.driver_connection.lasting = True  # type: ignore[union-attr]
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(724951)"))


def _alembic(connection: "Connection") -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
