"""How many publishers a story has, for the heat of its cards and for what posts say of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v14"
down_revision = "v13"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SHARED = sa.text("state <> 'followed'")


def upgrade() -> None:
    op.create_table(
        "story_coverage",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("story_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("publishers", NUMBER, nullable=False),
        sa.Column("is_stale", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "story_id", name="pk_story_coverage"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_coverage_story_id", "story_coverage", ["story_id"])
    op.create_index(
        "ix_story_coverage_is_stale",
        "story_coverage",
        ["story_id"],
        sqlite_where=sa.text("is_stale = 1"),
        postgresql_where=sa.text("is_stale"),
    )
    op.add_column("delivery_cards", sa.Column("coverage", NUMBER, server_default="0", nullable=False))
    op.drop_index("ix_server_cards_guild_id_story_id_sort_key", "server_cards")
    op.create_index("ix_server_cards_story_id_guild_id_sort_key", "server_cards", ["story_id", "guild_id", "sort_key"])
    for name in ("ix_cards_in_lists", "ix_cards_shared"):
        op.drop_index(name, "cards")
    in_lists = ["sort_key", "state", "heat", "quality", "story_id"]
    op.create_index("ix_cards_in_lists", "cards", in_lists)
    op.create_index("ix_cards_shared", "cards", in_lists, sqlite_where=_SHARED, postgresql_where=_SHARED)
