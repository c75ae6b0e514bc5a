"""Threads under posts, and posts that stay although they are old."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v16"
down_revision = "v15"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_WANTED = sa.text("thread = 'wanted'")


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("thread", sa.Boolean(), server_default="0", nullable=False))
    op.add_column("deliveries", sa.Column("thread", TEXT))
    op.add_column("deliveries", sa.Column("kept_at", sa.BigInteger()))
    op.create_index(
        "ix_deliveries_thread", "deliveries", ["channel_id"], sqlite_where=_WANTED, postgresql_where=_WANTED
    )
