"""The resources that a grant covers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward."""
    op.add_column("grants", sa.Column("resources", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Back."""
    op.drop_column("grants", "resources")
