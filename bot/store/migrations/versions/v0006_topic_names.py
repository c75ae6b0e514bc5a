"""How each server writes a topic: one name for all servers was that of whoever had typed it first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v6"
down_revision = "v5"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("topics", sa.Column("is_shared", sa.Boolean(), server_default="0", nullable=False))
    op.execute("UPDATE topics SET is_shared = true WHERE id IN (SELECT topic_id FROM card_topics)")
    topics = sa.table("topics", sa.column("id"), sa.column("name"))
    for table in ("followed_card_topics", "follow_topics", "subscription_topics"):
        op.add_column(table, sa.Column("name", TEXT))
        named = sa.table(table, sa.column("topic_id"), sa.column("name"))
        name = sa.select(topics.c.name).where(topics.c.id == named.c.topic_id).scalar_subquery()
        op.execute(named.update().values(name=name))
