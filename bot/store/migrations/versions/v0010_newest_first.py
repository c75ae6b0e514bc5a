"""The full-text index on SQLite from the newest card to the oldest, in the order that FTS5 walks faster in."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NEW = (
    "CREATE VIRTUAL TABLE newest_first USING fts5(title, excerpt, names, related, tags, "
    "tokenize=\"unicode61 remove_diacritics 2\", prefix='2 3')"
)
_FILL = (
    "INSERT INTO newest_first (rowid, title, excerpt, names, related, tags) "
    "SELECT -rowid, title, excerpt, names, related, tags FROM card_search ORDER BY rowid DESC"
)


def upgrade() -> None:
    """Needs room for the index a second time, and two minutes for a million cards."""
    if op.get_bind().dialect.name == "sqlite":
        for statement in (_NEW, _FILL, "DROP TABLE card_search", "ALTER TABLE newest_first RENAME TO card_search"):
            op.execute(statement)
