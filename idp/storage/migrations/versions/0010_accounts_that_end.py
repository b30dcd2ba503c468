"""When an account that was asked to end may be erased, and whether the law keeps it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward."""
    op.add_column("accounts", sa.Column("delete_at", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(op.f("ix_accounts_delete_at"), "accounts", ["delete_at"])


def downgrade() -> None:
    """Back."""
    op.drop_index(op.f("ix_accounts_delete_at"), "accounts")
    op.drop_column("accounts", "held")
    op.drop_column("accounts", "delete_at")
