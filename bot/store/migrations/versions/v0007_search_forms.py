"""The full-text index with folded words and their stems; the languages of the stems."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v7"
down_revision = "v6"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Empties the index. It is filled again beside other work, which takes minutes per million cards."""
    op.add_column("sources", sa.Column("language", TEXT))
    op.create_table(
        "search_languages",
        sa.Column("source_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("language", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("source_id", "language", name="pk_search_languages"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("TRUNCATE card_search")
    else:
        op.execute("DROP TABLE card_search")
        # Words come split and folded: everything but spaces and control characters belongs to one.
        op.execute(
            "CREATE VIRTUAL TABLE card_search USING fts5(title, excerpt, names, related, stems, tags, "
            "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Cf Cn Co'\", prefix='2 3')"
        )
    for table in ("known_words", "followed_words"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    # What `bot.store.cards.search_rebuild` waits for; a new store has nothing to index.
    op.execute(
        "INSERT INTO key_values (key, value) SELECT 'search rebuild', '9223372036854775807' "
        "WHERE EXISTS (SELECT 1 FROM cards)"
    )
