"""Stories told by the text of cards, after they are loaded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v9"
down_revision = "v8"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("cards", sa.Column("needs_story", sa.Boolean(), server_default="1", nullable=False))
    op.create_index(
        "ix_cards_needs_story",
        "cards",
        ["sort_key"],
        sqlite_where=sa.text("needs_story = 1"),
        postgresql_where=sa.text("needs_story"),
    )
    op.create_index("ix_server_cards_guild_id_story_id", "server_cards", ["guild_id", "story_id"])
    without = sa.text("story_id IS NULL")
    op.create_index(
        "ix_server_cards_without_story",
        "server_cards",
        ["card_id"],
        sqlite_where=without,
        postgresql_where=without,
    )
    # Keys by titles are found by their words now, and those of articles that two cards list are no longer used.
    op.execute("DELETE FROM story_keys WHERE key LIKE 't:%' OR key LIKE 's:%'")
    _create_texts()
    _create_words()
    _create_links()


def _create_texts() -> None:
    op.create_table(
        "story_texts",
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("publisher", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("numbers", TEXT, nullable=False),
        sa.Column("weights", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_story_texts_card_id"),
        sa.PrimaryKeyConstraint("card_id", name="pk_story_texts"),
    )
    op.create_index("ix_story_texts_published_at", "story_texts", ["published_at"])


def _create_words() -> None:
    op.create_table(
        "story_words",
        sa.Column("word", TEXT, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("source_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_story_words_card_id"),
        sa.PrimaryKeyConstraint("word", "published_at", "card_id", name="pk_story_words"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_words_card_id", "story_words", ["card_id"])
    op.create_table(
        "word_counts",
        sa.Column("source_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("word", TEXT, nullable=False),
        sa.Column("count", sa.Float(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "word", name="pk_word_counts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_word_counts_counted_at", "word_counts", ["counted_at"])


def _create_links() -> None:
    op.create_table(
        "story_links",
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("other_id", NUMBER, nullable=False),
        sa.Column("similarity", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_story_links_card_id"),
        sa.ForeignKeyConstraint(["other_id"], ["cards.id"], name="fk_story_links_other_id"),
        sa.PrimaryKeyConstraint("card_id", "other_id", name="pk_story_links"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_links_other_id", "story_links", ["other_id"])
