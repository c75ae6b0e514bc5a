"""An index of the cards of sources that tells their state and provider: names are counted without reading cards."""

from __future__ import annotations

from alembic import op

revision = "v11"
down_revision = "v10"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_cards_source_id_state_provider", "cards", ["source_id", "state", "provider"])
    op.drop_index("ix_cards_source_id", "cards")
