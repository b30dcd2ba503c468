"""Recoveries by identity, provisional at first, and the links by which old contacts cancel them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXED = ("subject", "nik_index", "started_at", "phone_index", "email_index", "device_index", "address_index")
OPEN = "state IN ('provisional', 'waiting', 'ready')"


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "recoveries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("nik_index", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("inputs", sa.JSON(), nullable=True),
        sa.Column("verdict", sa.String(length=24), nullable=True),
        sa.Column("contacts_sealed", sa.Text(), nullable=True),
        sa.Column("old_password_hash", sa.Text(), nullable=True),
        sa.Column("old_contacts", sa.JSON(), nullable=True),
        sa.Column("phone_index", sa.String(length=80), nullable=True),
        sa.Column("email_index", sa.String(length=80), nullable=True),
        sa.Column("device_index", sa.String(length=80), nullable=True),
        sa.Column("address_index", sa.String(length=80), nullable=True),
        sa.Column("officer", sa.String(length=64), nullable=True),
        sa.Column("officer_act", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recoveries")),
    )
    for column in INDEXED:
        op.create_index(op.f(f"ix_recoveries_{column}"), "recoveries", [column], unique=False)
    op.create_index(
        "uq_recoveries_open", "recoveries", ["subject"], unique=True,
        sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN),
    )  # fmt: skip
    op.create_table(
        "veto_links",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("recovery", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recovery"], ["recoveries.id"], name=op.f("fk_veto_links_recovery_recoveries"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_veto_links")),
    )
    op.create_index(op.f("ix_veto_links_recovery"), "veto_links", ["recovery"], unique=False)


def downgrade() -> None:
    """Back."""
    op.drop_table("veto_links")
    op.drop_table("recoveries")
