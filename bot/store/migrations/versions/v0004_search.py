"""Known words, for spelling help in a search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    known = op.create_table(
        "spellings",
        sa.Column("initial", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False, comment="of a title, a topic or a provider, as the index sees it"),
        sa.PrimaryKeyConstraint("initial", "length", "word", name=op.f("pk_spellings")),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        op.bulk_insert(known, [{"initial": word[0], "length": len(word), "word": word} for word in _indexed()])


def _indexed() -> list[str]:
    """The words of titles and names that the full-text index holds already."""
    op.execute("CREATE VIRTUAL TABLE temp.indexed_words USING fts5vocab(main, card_search, col)")
    words = op.get_bind().exec_driver_sql(
        "SELECT DISTINCT term FROM temp.indexed_words WHERE col IN ('title', 'names') AND length(term) BETWEEN 3 AND 24"
    )
    found = [word for word in words.scalars() if word.isalpha()]
    op.execute("DROP TABLE temp.indexed_words")
    return found
