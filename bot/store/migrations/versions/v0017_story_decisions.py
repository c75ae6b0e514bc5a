"""Stories that moderators made in their servers, and what posts list of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v17"
down_revision = "v16"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "story_decisions",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("story_id", NUMBER, nullable=False),
        sa.Column("matched", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_story_decisions_card_id"),
        sa.ForeignKeyConstraint(["story_id"], ["audit_log.id"], name="fk_story_decisions_story_id"),
        sa.PrimaryKeyConstraint("guild_id", "card_id", "story_id", name="pk_story_decisions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_decisions_guild_id_story_id", "story_decisions", ["guild_id", "story_id"])
    op.create_index("ix_story_decisions_card_id", "story_decisions", ["card_id"])
    with op.batch_alter_table("delivery_cards", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.alter_column("channel_id", existing_type=sa.BigInteger(), nullable=True)
        batch.add_column(sa.Column("left_story", sa.Boolean(), server_default="0", nullable=False))
