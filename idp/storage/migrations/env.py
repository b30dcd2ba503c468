"""What Alembic runs: our tables, over the connection that `idp db` brings along."""

from alembic import context
from sqlalchemy import Connection

from idp.storage.database import db


def migrate(connection: Connection) -> None:
    """Runs the migrations; batch mode, since SQLite cannot alter a column otherwise."""
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


migrate(context.config.attributes["connection"])
