"""What decides who may answer about a recovery: the contact that a link went to, and the account's class of before."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward; links of before say whose they are to nobody, so they can say no only (fails closed)."""
    op.add_column("veto_links", sa.Column("contact_index", sa.String(length=80), nullable=True))
    op.add_column("recoveries", sa.Column("old_acr", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Back."""
    op.drop_column("recoveries", "old_acr")
    op.drop_column("veto_links", "contact_index")
