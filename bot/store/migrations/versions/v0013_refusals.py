"""Whom trouble was told, what a post's message must be younger than, and each crosspost that counts for the budget."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_UNREPORTED = sa.text("progress = 'quarantined' AND reported_at IS NULL")


def upgrade() -> None:
    """Of channels that are closed already, and of cards set aside, people know."""
    op.add_column("circuits", sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(sa.text("UPDATE circuits SET told = :yes").bindparams(yes=True))
    op.add_column("deliveries", sa.Column("after_id", sa.BigInteger(), nullable=True))
    op.add_column("deliveries", sa.Column("reported_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE deliveries SET reported_at = planned_at WHERE progress = 'quarantined'")
    op.create_index(
        "ix_deliveries_unreported",
        "deliveries",
        ["guild_id"],
        sqlite_where=_UNREPORTED,
        postgresql_where=_UNREPORTED,
    )
    op.create_table(
        "crosspost_tries",
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "at", name="pk_crosspost_tries"),
    )
    op.create_index("ix_crosspost_tries_channel_id_at", "crosspost_tries", ["channel_id", "at"])
