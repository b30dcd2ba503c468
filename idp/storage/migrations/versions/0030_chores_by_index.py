"""What runs on the side finds its rows by index: retention, sweeps and watches never walk a whole table.

On a large PostgreSQL run `idp db prepare` before this: it builds the same indexes without stopping writes, and nothing is
left to build here.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0030"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NEW = (
    ("ix_contacts_superseded_at", "contacts", ["superseded_at"]),
    ("ix_recoveries_state", "recoveries", ["state"]),
    ("ix_recoveries_until", "recoveries", ["until"]),
    ("ix_refresh_families_revoked_at", "refresh_families", ["revoked_at"]),
    ("ix_refresh_tokens_expires_at", "refresh_tokens", ["expires_at"]),
    ("ix_outbox_state_created_at", "outbox", ["state", "created_at"]),
    ("ix_audit_events_event_at", "audit_events", ["event", "at"]),
)


def upgrade() -> None:
    """Forward."""
    for name, table, columns in NEW:
        op.create_index(name, table, columns, if_not_exists=True)
    op.drop_index("ix_audit_events_event", "audit_events")


def downgrade() -> None:
    """Back."""
    op.create_index("ix_audit_events_event", "audit_events", ["event"])
    for name, table, _ in NEW:
        op.drop_index(name, table)
