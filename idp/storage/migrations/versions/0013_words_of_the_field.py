"""Columns whose names only their authors knew: `held` is the legal hold, `alone` whether a recovery needs no officer."""

from collections.abc import Sequence

from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

RENAMED = (("accounts", "held", "legal_hold"), ("recoveries", "alone", "self_service"))


def upgrade() -> None:
    """Forward."""
    for table, old, new in RENAMED:
        op.alter_column(table, old, new_column_name=new)


def downgrade() -> None:
    """Back."""
    for table, old, new in RENAMED:
        op.alter_column(table, new, new_column_name=old)
