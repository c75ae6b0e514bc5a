"""Segments of the full-text indexes of a file are merged two by two (`bot.store.search.sqlite`)."""

from __future__ import annotations

from alembic import op

revision = "v20"
down_revision = "v19"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("card_search", "card_search_edits"):
            op.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('usermerge', 2)")  # noqa: S608 - our own names
