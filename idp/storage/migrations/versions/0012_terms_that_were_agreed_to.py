"""Which version of privacy policy and terms somebody agreed to."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward."""
    op.add_column("accounts", sa.Column("terms", sa.String(16), nullable=True))


def downgrade() -> None:
    """Back."""
    op.drop_column("accounts", "terms")
