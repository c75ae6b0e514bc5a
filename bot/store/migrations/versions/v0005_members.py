"""The members' own: when they last read, and digests that come to them alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "last_read",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "guild_id", name=op.f("pk_last_read")),
    )
    mine = sa.text("user_id IS NOT NULL")
    whose = "whose own digest it is; null: the server's"
    op.add_column("subscriptions", sa.Column("user_id", sa.BigInteger(), nullable=True, comment=whose))
    shut = "when the member took no messages; null once they know"
    op.add_column("subscriptions", sa.Column("shut_at", sa.BigInteger(), nullable=True, comment=shut))
    op.create_index(
        "ix_subscriptions_user_id_guild_id",
        "subscriptions",
        ["user_id", "guild_id"],
        unique=True,
        sqlite_where=mine,
        postgresql_where=mine,
    )
    whither = "to whom it goes; null: to a channel of the server"
    op.add_column("deliveries", sa.Column("user_id", sa.BigInteger(), nullable=True, comment=whither))
    op.create_index("ix_deliveries_user_id", "deliveries", ["user_id"], sqlite_where=mine, postgresql_where=mine)
