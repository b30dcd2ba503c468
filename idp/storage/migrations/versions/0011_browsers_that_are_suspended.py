"""Which recovery has suspended a browser that was excused from the second factor."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward."""
    op.add_column("remembered_devices", sa.Column("suspended_by", sa.String(64), nullable=True))


def downgrade() -> None:
    """Back."""
    op.drop_column("remembered_devices", "suspended_by")
