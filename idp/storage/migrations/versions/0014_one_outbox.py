"""One outbox for messages to people and to services, and the audit events of changes, kept in the change's transaction."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NOTICES_IN = """
INSERT INTO outbox
    (id, state, attempts, created_at, next_at, last_answer, kind, about, destination, account, message_sealed)
SELECT id, state, attempts, created_at, next_at, last_answer, 'notice', kind, channel, account, message_sealed
FROM notice_deliveries
"""
LOGOUTS_IN = """
INSERT INTO outbox
    (id, state, attempts, created_at, next_at, last_answer, kind, about, destination, account, message_sealed)
SELECT id, CASE state WHEN 'delivered' THEN 'sent' WHEN 'failed' THEN 'given_up' ELSE state END,
    attempts, created_at, next_at, last_answer, 'logout', sid, client_id, subject, ''
FROM logout_notices
"""
NOTICES_OUT = """
INSERT INTO notice_deliveries
    (id, state, attempts, created_at, next_at, last_answer, kind, channel, account, message_sealed)
SELECT id, state, attempts, created_at, next_at, last_answer, about, destination, account, message_sealed
FROM outbox WHERE kind = 'notice'
"""
LOGOUTS_OUT = """
INSERT INTO logout_notices
    (id, state, attempts, created_at, next_at, last_answer, client_id, subject, sid)
SELECT id, CASE state WHEN 'sent' THEN 'delivered' WHEN 'given_up' THEN 'failed' ELSE state END,
    attempts, created_at, next_at, last_answer, destination, account, about
FROM outbox WHERE kind = 'logout'
"""


def upgrade() -> None:
    """Forward; what waits in the two former tables waits on in the one."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=255), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=True),
        sa.Column("message_sealed", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("last_answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    for column in ("account", "created_at", "next_at"):
        op.create_index(f"ix_outbox_{column}", "outbox", [column])
    op.execute(NOTICES_IN)
    op.execute(LOGOUTS_IN)
    op.drop_table("notice_deliveries")
    op.drop_table("logout_notices")
    op.create_table(
        "audit_pending",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_pending")),
    )
    op.create_index("ix_audit_pending_at", "audit_pending", ["at"])


def downgrade() -> None:
    """Back."""
    op.drop_table("audit_pending")
    _create_former_tables()
    op.execute(NOTICES_OUT)
    op.execute(LOGOUTS_OUT)
    op.drop_table("outbox")


def _create_former_tables() -> None:
    op.create_table(
        "notice_deliveries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=True),
        sa.Column("message_sealed", sa.Text(), nullable=False),
        *_shared_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_deliveries")),
    )
    op.create_table(
        "logout_notices",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("sid", sa.String(length=64), nullable=False),
        *_shared_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logout_notices")),
    )
    for column in ("account", "created_at", "next_at"):
        op.create_index(f"ix_notice_deliveries_{column}", "notice_deliveries", [column])
    for column in ("client_id", "next_at"):
        op.create_index(f"ix_logout_notices_{column}", "logout_notices", [column])


def _shared_columns() -> list["sa.Column[Any]"]:
    times = [sa.Column(name, sa.BigInteger(), nullable=False) for name in ("attempts", "created_at", "next_at")]
    return [sa.Column("state", sa.String(length=16), nullable=False), *times, sa.Column("last_answer", sa.Text(), nullable=True)]
