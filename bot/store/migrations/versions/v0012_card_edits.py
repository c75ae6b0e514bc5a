"""Edits of cards by servers, of which topics were the first; and which held cards are backlog."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v12"
down_revision = "v11"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("cards", sa.Column("is_backlog", sa.Boolean(), server_default="0", nullable=False))
    _create_edits()
    _create_index()
    _move_topics()


def _create_edits() -> None:
    op.create_table(
        "card_edits",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("has_topics", sa.Boolean(), nullable=False),
        sa.Column("revision", TEXT),
        sa.Column("audit_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["audit_id"], ["audit_log.id"], name="fk_card_edits_audit_id"),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_card_edits_card_id"),
        sa.PrimaryKeyConstraint("guild_id", "card_id", name="pk_card_edits"),
        sa.UniqueConstraint("audit_id", name="uq_card_edits_audit_id"),
    )
    op.create_index("ix_card_edits_card_id", "card_edits", ["card_id"])
    op.create_table(
        "card_edit_topics",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("topic_id", NUMBER, nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("name", TEXT),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_card_edit_topics_card_id"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_card_edit_topics_topic_id"),
        sa.PrimaryKeyConstraint("guild_id", "topic_id", "card_id", name="pk_card_edit_topics"),
    )
    op.create_index("ix_card_edit_topics_card_id", "card_edit_topics", ["card_id"])


def _create_index() -> None:
    """Create the full-text index of the edited cards: `card_search` has one row a card, the same for all servers."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE card_search_edits (audit_id bigint PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_card_search_edits_words ON card_search_edits USING gin (words)")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE card_search_edits USING fts5(title, excerpt, names, related, stems, tags, "
            "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Cf Cn Co'\", prefix='2 3')"
        )


def _move_topics() -> None:
    """Turn topic overrides into edits. They are indexed when the store is opened (`bot.store.cards.edits`)."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    fields = "json_build_object('topics', topics)" if is_postgresql else "json_object('topics', json(topics))"
    op.execute(
        "INSERT INTO card_edits (guild_id, card_id, fields, has_topics, audit_id) "  # noqa: S608 - our own names
        f"SELECT guild_id, card_id, {fields}, {'true' if is_postgresql else '1'}, audit_id FROM topic_overrides "
        # An import may have written two overrides with one entry of the log.
        "WHERE true ON CONFLICT DO NOTHING"
    )
    op.execute(
        "INSERT INTO card_edit_topics (guild_id, topic_id, card_id, name) "
        "SELECT guild_id, topic_id, card_id, name FROM topic_override_topics JOIN topics ON topics.id = topic_id"
    )
    op.drop_table("topic_override_topics")
    op.drop_table("topic_overrides")
