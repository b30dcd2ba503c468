"""Only a proved contact is taken: an address that somebody typed and nobody proved keeps its owner from nothing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEX = "uq_contacts_in_use"


def upgrade() -> None:
    """Forward."""
    _index("superseded_at IS NULL AND verified_at IS NOT NULL")


def downgrade() -> None:
    """Back; it fails where several accounts have the same unproved address by now."""
    _index("superseded_at IS NULL")


def _index(which: str) -> None:
    op.drop_index(INDEX, "contacts")
    where = sa.text(which)
    op.create_index(INDEX, "contacts", ["kind", "value_index"], unique=True, sqlite_where=where, postgresql_where=where)
