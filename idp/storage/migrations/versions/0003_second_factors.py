"""Second factors, passkeys, recovery codes, and browsers that were remembered."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "authenticators",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("suspended_by", sa.String(length=64), nullable=True),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("lookup", sa.String(length=80), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subject"], ["accounts.subject"], name=op.f("fk_authenticators_subject_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authenticators")),
        sa.UniqueConstraint("lookup", name=op.f("uq_authenticators_lookup")),
    )
    with op.batch_alter_table("authenticators", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_authenticators_subject"), ["subject"], unique=False)
        batch_op.create_index(
            "uq_authenticators_app",
            ["subject"],
            unique=True,
            sqlite_where=sa.text("kind = 'totp' AND state = 'active'"),
            postgresql_where=sa.text("kind = 'totp' AND state = 'active'"),
        )
    op.create_table(
        "remembered_devices",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject"], ["accounts.subject"], name=op.f("fk_remembered_devices_subject_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", "subject", name=op.f("pk_remembered_devices")),
    )
    with op.batch_alter_table("remembered_devices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_remembered_devices_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_remembered_devices_subject"), ["subject"], unique=False)


def downgrade() -> None:
    """Back."""
    op.drop_table("remembered_devices")
    op.drop_table("authenticators")
