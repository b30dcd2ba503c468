"""The SQL database: the base of every table, the session, and what says that the database is away."""

from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, MetaData, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, TimeoutError
from sqlalchemy.orm import DeclarativeBase

from idp.storage import deadlines


class Base(DeclarativeBase):
    """Every table's base; constraints are named so that migrations can drop them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

# What SQLAlchemy raises while the database is away or overwhelmed: nothing was written, and trying again later is right.
# InternalError is what PostgreSQL answers to whoever writes while it is read-only, as in the middle of a switch-over.
DATABASE_DOWN: tuple[type[Exception], ...] = (OperationalError, InterfaceError, InternalError, TimeoutError)

# Flask-SQLAlchemy's db.Model carries no types; for mypy it is the plain declarative base.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def inserting(connection: Connection, table: Table) -> Any:
    """An INSERT for the database at hand that can say what happens where the row is there already (`on_conflict_…`)."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def tune(app: Flask) -> None:
    """Makes SQLite behave like a server (readers beside one writer, foreign keys kept), and gives waits for PostgreSQL an end."""
    with app.app_context():
        if db.engine.dialect.name == "postgresql":
            deadlines.set_deadlines(db.engine)
            return

        @event.listens_for(db.engine, "connect")
        def set_pragmas(connection: Any, _: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000"):
                connection.execute(f"PRAGMA {pragma}")
