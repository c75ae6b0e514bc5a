"""Feeds: where each is, what is known of it, and when it is fetched again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v3"
down_revision = "v2"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("source_id", NUMBER, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("url", "host", "title", "site", "language", "policy")),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("quality", NUMBER, nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in ("paused_at", "next_fetch_at", "fetched_at", "read_at")),
        sa.Column("changed_at", sa.BigInteger()),
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("etag", "last_modified", "body_hash", "content_kind", "problem", "moved_to", "moved_on")
        ),
        *(sa.Column(name, NUMBER, server_default="0", nullable=False) for name in ("failures", "moved_count")),
        *(sa.Column(name, sa.BigInteger()) for name in ("failing_since", "missing_since")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_feeds_source_id"),
        sa.PrimaryKeyConstraint("source_id", name="pk_feeds"),
    )
    planned = sa.text("next_fetch_at IS NOT NULL")
    columns = ["next_fetch_at", "source_id", "host"]
    op.create_index("ix_feeds_next_fetch_at", "feeds", columns, sqlite_where=planned, postgresql_where=planned)
    op.create_index("ix_feeds_url", "feeds", ["url"])
