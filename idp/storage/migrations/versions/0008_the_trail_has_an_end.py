"""The audit trail may be removed from its beginning, and facts forgotten, without breaking its chain."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward."""
    op.add_column("audit_events", sa.Column("facts_digest", sa.String(length=64), nullable=True))
    op.create_table(
        "audit_anchors",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("link_sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_anchors")),
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("audit_anchors")
    with op.batch_alter_table("audit_events") as batch:
        batch.drop_column("facts_digest")
