"""The first tables: cards and their files, decisions, subscriptions, deliveries, saved cards; the full-text index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CARD_SEARCH = (
    "CREATE VIRTUAL TABLE card_search USING fts5(title, excerpt, names, related, tags, "
    "tokenize=\"unicode61 remove_diacritics 2\", prefix='2 3')"
)


def upgrade() -> None:
    op.create_table(
        "cards",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("timeline", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False, comment="folded name, empty when unknown"),
        sa.Column("quality", sa.Integer(), nullable=True),
        sa.Column("heat", sa.Integer(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False, comment="what is shown and never searched by SQL"),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False, comment="its file vanished"),
        sa.Column("visible_at", sa.BigInteger(), nullable=True, comment="since when the file says published"),
        sa.Column("unplanned", sa.Boolean(), nullable=False, comment="changed since deliveries were planned"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("slug", name=op.f("uq_cards_slug")),
        sa.UniqueConstraint("timeline", name=op.f("uq_cards_timeline")),
    )
    op.create_index("ix_cards_content", "cards", ["content"], unique=False)
    op.create_index("ix_cards_provider", "cards", ["provider"], unique=False)
    op.create_index("ix_cards_state_timeline", "cards", ["state", "timeline"], unique=False)
    op.create_index("ix_cards_timeline_state_heat", "cards", ["timeline", "state", "heat"], unique=False)
    op.create_index(
        "ix_cards_unplanned",
        "cards",
        ["id"],
        unique=False,
        sqlite_where=sa.text("unplanned"),
        postgresql_where=sa.text("unplanned"),
    )
    op.create_table(
        "circuits",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("probe_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_circuits")),
    )
    op.create_table(
        "listings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False, comment="what a list's page buttons ask for again"),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_listings")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "providers",
        sa.Column("key", sa.Text(), nullable=False, comment="folded name"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "published", sa.Integer(), server_default="0", nullable=False, comment="cards published by their files"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_providers")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("when", sa.Text(), nullable=False),
        sa.Column("min_quality", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subscriptions_guild_id", "subscriptions", ["guild_id"], unique=False)
    op.create_table(
        "topics",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="folded name"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "published", sa.Integer(), server_default="0", nullable=False, comment="cards published by their files"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint("key", name=op.f("uq_topics_key")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="command, button"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_audit_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_guild_id_id", "audit", ["guild_id", "id"], unique=False)
    op.create_table(
        "card_aliases",
        sa.Column("alias", sa.Text(), nullable=False, comment="normalised address"),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_card_aliases_card_id")),
        sa.PrimaryKeyConstraint("alias", "card_id", name=op.f("pk_card_aliases")),
    )
    op.create_index("ix_card_aliases_card_id", "card_aliases", ["card_id"], unique=False)
    op.create_table(
        "card_topics",
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("timeline", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_card_topics_card_id")),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name=op.f("fk_card_topics_topic_id")),
        sa.PrimaryKeyConstraint("topic_id", "card_id", name=op.f("pk_card_topics")),
    )
    op.create_index("ix_card_topics_card_id", "card_topics", ["card_id"], unique=False)
    op.create_index("ix_card_topics_topic_id_timeline", "card_topics", ["topic_id", "timeline"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_decisions_card_id")),
        sa.PrimaryKeyConstraint("guild_id", "card_id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_card_id", "decisions", ["card_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("timeline", sa.BigInteger(), nullable=False, comment="order within the channel"),
        sa.Column("wanted", sa.Text(), nullable=True, comment="revision that should be there"),
        sa.Column("actual", sa.Text(), nullable=True, comment="revision that is there"),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True, comment="null: nothing to do"),
        sa.Column("sent_at", sa.BigInteger(), nullable=True, comment="when the last call to post began"),
        sa.Column(
            "plain", sa.Boolean(), server_default="0", nullable=False, comment="without pictures: Discord refused one"
        ),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_deliveries_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("channel_id", "card_id", name=op.f("uq_deliveries_channel_id_card_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_card_id", "deliveries", ["card_id"], unique=False)
    op.create_index(
        "ix_deliveries_channel_id_due_at",
        "deliveries",
        ["channel_id"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_due_at", "deliveries", ["due_at"], unique=False, sqlite_where=sa.text("due_at IS NOT NULL")
    )
    op.create_table(
        "files",
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False, comment="below the root, with /"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_files_card_id")),
        sa.PrimaryKeyConstraint("root", "path", name=op.f("pk_files")),
    )
    op.create_table(
        "saved",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_saved_card_id")),
        sa.PrimaryKeyConstraint("user_id", "card_id", name=op.f("pk_saved")),
    )
    op.create_table(
        "subscription_topics",
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_subscription_topics_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name=op.f("fk_subscription_topics_topic_id")),
        sa.PrimaryKeyConstraint("subscription_id", "topic_id", name=op.f("pk_subscription_topics")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(CARD_SEARCH)
