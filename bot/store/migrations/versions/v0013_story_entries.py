"""Indexes with the stories of cards, so that lists find the newest card of a story without reading the cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v13"
down_revision = "v12"
branch_labels = None
depends_on = None

_SHARED = sa.text("state <> 'followed'")


def upgrade() -> None:
    for name in ("ix_cards_sort_key_state_heat", "ix_cards_story_id", "ix_cards_shared"):
        op.drop_index(name, "cards")
    op.drop_index("ix_server_cards_guild_id_story_id", "server_cards")
    in_lists = ["sort_key", "state", "heat", "story_id"]
    op.create_index("ix_cards_in_lists", "cards", in_lists)
    op.create_index("ix_cards_shared", "cards", in_lists, sqlite_where=_SHARED, postgresql_where=_SHARED)
    op.create_index("ix_cards_story_id_sort_key", "cards", ["story_id", "sort_key"])
    op.create_index("ix_server_cards_guild_id_story_id_sort_key", "server_cards", ["guild_id", "story_id", "sort_key"])
