"""Sources that servers follow: whose a card is, and its row in each of those servers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v4"
down_revision = "v3"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("sources", sa.Column("is_shared", sa.Boolean(), server_default="1", nullable=False))
    op.add_column("sources", sa.Column("unfollowed_at", sa.BigInteger()))
    op.create_index("ix_cards_source_id", "cards", ["source_id"])
    op.add_column("delivery_cards", sa.Column("detached", sa.Boolean(), server_default="0", nullable=False))
    shared = sa.text("state <> 'followed'")
    columns = ["sort_key", "state", "heat"]
    op.create_index("ix_cards_shared", "cards", columns, sqlite_where=shared, postgresql_where=shared)
    _create_follows()
    _create_server_cards()
    _create_names()
    _tag_shared_cards()


def _create_follows() -> None:
    op.create_table(
        "follows",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("policy", TEXT, nullable=False),
        sa.Column("quality", NUMBER, nullable=False),
        sa.Column("paused", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("followed_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_follows_source_id"),
        sa.PrimaryKeyConstraint("guild_id", "source_id", name="pk_follows"),
    )
    op.create_index("ix_follows_source_id", "follows", ["source_id"])


def _create_server_cards() -> None:
    op.create_table(
        "server_cards",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("held_reason", TEXT),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("sort_key", sa.BigInteger(), nullable=False),
        sa.Column("quality", NUMBER, nullable=False),
        sa.Column("is_backlog", sa.Boolean(), nullable=False),
        sa.Column("needs_planning", sa.Boolean(), nullable=False),
        sa.Column("story_id", NUMBER),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_server_cards_card_id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_server_cards_source_id"),
        sa.PrimaryKeyConstraint("guild_id", "card_id", name="pk_server_cards"),
    )
    op.create_index("ix_server_cards_guild_id_sort_key", "server_cards", ["guild_id", "sort_key"])
    op.create_index("ix_server_cards_guild_id_arrived_at", "server_cards", ["guild_id", "arrived_at"])
    op.create_index("ix_server_cards_card_id", "server_cards", ["card_id"])
    op.create_index("ix_server_cards_source_id", "server_cards", ["source_id"])
    uncovered = sa.text("held_reason = 'uncovered'")
    op.create_index(
        "ix_server_cards_uncovered", "server_cards", ["story_id"], sqlite_where=uncovered, postgresql_where=uncovered
    )
    op.create_index(
        "ix_server_cards_needs_planning",
        "server_cards",
        ["card_id"],
        sqlite_where=sa.text("needs_planning = 1"),
        postgresql_where=sa.text("needs_planning"),
    )


def _create_names() -> None:
    op.create_table(
        "followed_card_topics",
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("topic_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_followed_card_topics_card_id"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_followed_card_topics_topic_id"),
        sa.PrimaryKeyConstraint("card_id", "topic_id", name="pk_followed_card_topics"),
    )
    op.create_table(
        "follow_topics",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("topic_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_follow_topics_source_id"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_follow_topics_topic_id"),
        sa.PrimaryKeyConstraint("guild_id", "source_id", "topic_id", name="pk_follow_topics"),
    )
    op.create_table(
        "followed_words",
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("initial", TEXT, nullable=False),
        sa.Column("length", NUMBER, autoincrement=False, nullable=False),
        sa.Column("word", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_followed_words_source_id"),
        sa.PrimaryKeyConstraint("source_id", "initial", "length", "word", name="pk_followed_words"),
        sqlite_with_rowid=False,
    )


def _tag_shared_cards() -> None:
    """Tag the cards that are there as everybody's in the full-text index, by which searches find them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE card_search SET words = words || '''#s0'''::tsvector")
    else:
        op.execute("UPDATE card_search SET tags = tags || ' s0'")
