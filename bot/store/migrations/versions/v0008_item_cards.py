"""An index of the cards that items carry: without it, each card that is deleted takes a scan of all items."""

from __future__ import annotations

from alembic import op

revision = "v8"
down_revision = "v7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_source_items_card_id", "source_items", ["card_id"])
