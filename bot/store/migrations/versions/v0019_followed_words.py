"""An index of the words of followed cards alone: everybody's cards are found word by word, whatever their number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v19"
down_revision = "v18"
branch_labels = None
depends_on = None

_FOLLOWED = sa.text("source_id > 0")


def upgrade() -> None:
    op.create_index(
        "ix_story_words_followed",
        "story_words",
        ["word", "published_at", "source_id"],
        sqlite_where=_FOLLOWED,
        postgresql_where=_FOLLOWED,
    )
