"""Servers that were greeted when the bot joined them."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "v18"
down_revision = "v17"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "greetings",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name="pk_greetings"),
    )
    # A store that was in use has its name: servers that know the bot are not greeted. A new one gets it afterwards.
    upgraded = sa.text(
        "INSERT INTO key_values (key, value) SELECT 'greeting_since', :now FROM key_values WHERE key = 'instance'"
    )
    op.get_bind().execute(upgraded, {"now": str(time.time_ns() // 1000)})
