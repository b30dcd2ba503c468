"""Generations: one number per account (and per connected service) that whatever was proved before a change no longer carries."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CARRIERS = ("accounts", "refresh_families", "remembered_devices", "known_devices")


def upgrade() -> None:
    """Forward."""
    for table in CARRIERS:
        op.add_column(table, sa.Column("generation", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "service_generations",
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject"], ["accounts.subject"], name=op.f("fk_service_generations_subject_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subject", "client_id", name=op.f("pk_service_generations")),
    )
    op.create_table(
        "endings",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endings")),
    )
    op.create_index("ix_endings_ended_at", "endings", ["ended_at"])


def downgrade() -> None:
    """Back."""
    op.drop_table("endings")
    op.drop_table("service_generations")
    for table in CARRIERS:
        op.drop_column(table, "generation")
