"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v1"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_tables()
    if op.get_bind().dialect.name == "postgresql":
        _create_postgresql_search()
        _guard_audit_log_on_postgresql()
    else:
        _create_sqlite_search()
        _guard_audit_log_on_sqlite()


def _create_tables() -> None:
    op.create_table(
        "channel_leases",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_channel_leases"),
    )
    op.create_table(
        "circuits",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("failures", NUMBER, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("probe_at", sa.BigInteger(), nullable=False),
        sa.Column("server_notified", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_circuits"),
    )
    op.create_table(
        "crosspost_attempts",
        sa.Column("delivery_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "at", name="pk_crosspost_attempts"),
    )
    op.create_index("ix_crosspost_attempts_channel_id_at", "crosspost_attempts", ["channel_id", "at"])
    op.create_table(
        "deliveries",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("subscription_id", NUMBER, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("sort_key", sa.BigInteger(), nullable=False),
        sa.Column("desired_kind", TEXT),
        sa.Column("desired_hash", TEXT),
        sa.Column("delivered_hash", TEXT),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts", NUMBER, server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("without_images", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("last_error", TEXT),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("slot", TEXT),
        sa.Column("part", NUMBER, server_default="0", nullable=False),
        sa.Column("layout", TEXT, server_default="card", nullable=False),
        sa.Column("heading", TEXT),
        sa.Column("options", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("on_withdrawal", TEXT, server_default="delete", nullable=False),
        sa.Column("is_forum", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("crosspost", TEXT),
        sa.Column("crossposted_at", sa.BigInteger()),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("language", TEXT, server_default="en", nullable=False),
        sa.Column("after_id", sa.BigInteger()),
        sa.Column("reported_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("subscription_id", "slot", "part", name="uq_deliveries_subscription_id_slot_part"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_deliveries_channel_id_due_at",
        "deliveries",
        ["channel_id"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_crosspost",
        "deliveries",
        ["channel_id"],
        sqlite_where=sa.text("crosspost = 'wanted'"),
        postgresql_where=sa.text("crosspost = 'wanted'"),
    )
    op.create_index(
        "ix_deliveries_due_at",
        "deliveries",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_review",
        "deliveries",
        ["guild_id"],
        sqlite_where=sa.text("layout = 'review'"),
        postgresql_where=sa.text("layout = 'review'"),
    )
    op.create_index(
        "ix_deliveries_unreported",
        "deliveries",
        ["guild_id"],
        sqlite_where=sa.text("status = 'quarantined' AND reported_at IS NULL"),
        postgresql_where=sa.text("status = 'quarantined' AND reported_at IS NULL"),
    )
    op.create_index(
        "ix_deliveries_user_id",
        "deliveries",
        ["user_id"],
        sqlite_where=sa.text("user_id IS NOT NULL"),
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_table(
        "guild_settings",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("timezone", TEXT),
        sa.Column("review_channel_id", sa.BigInteger()),
        sa.Column("max_open_reviews", NUMBER, server_default="10", nullable=False),
        sa.Column("language", TEXT),
        sa.PrimaryKeyConstraint("guild_id", name="pk_guild_settings"),
    )
    op.create_table(
        "key_values",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_key_values"),
    )
    op.create_table(
        "known_words",
        sa.Column("initial", TEXT, nullable=False),
        sa.Column("length", NUMBER, autoincrement=False, nullable=False),
        sa.Column("word", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("initial", "length", "word", name="pk_known_words"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "last_read",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "guild_id", name="pk_last_read"),
    )
    op.create_table(
        "list_requests",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_list_requests"),
    )
    op.create_index("ix_list_requests_used_at", "list_requests", ["used_at"])
    op.create_table(
        "providers",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("published_count", NUMBER, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_providers"),
    )
    op.create_table(
        "quiet_hours",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("starts", TEXT, nullable=False),
        sa.Column("ends", TEXT, nullable=False),
        sa.Column("timezone", TEXT, nullable=False),
        sa.Column("override_heat", NUMBER),
        sa.Column("is_quiet", sa.Boolean(), nullable=False),
        sa.Column("changes_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_quiet_hours"),
    )
    op.create_index("ix_quiet_hours_changes_at", "quiet_hours", ["changes_at"])
    op.create_table(
        "sources",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("kind", "key", name="uq_sources_kind_key"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("frequency", TEXT, nullable=False),
        sa.Column("min_quality", NUMBER, nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("crosspost", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("on_withdrawal", TEXT, server_default="delete", nullable=False),
        sa.Column("options", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("is_forum", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("paused", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("new_after", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_digest_at", sa.BigInteger()),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("dm_closed_at", sa.BigInteger()),
        sa.Column("language", TEXT),
        sa.Column("trouble", TEXT),
        sa.Column("pauses", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("member_seen_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subscriptions_guild_id", "subscriptions", ["guild_id"])
    op.create_index(
        "ix_subscriptions_next_digest_at",
        "subscriptions",
        ["next_digest_at"],
        sqlite_where=sa.text("next_digest_at IS NOT NULL"),
        postgresql_where=sa.text("next_digest_at IS NOT NULL"),
    )
    op.create_index(
        "ix_subscriptions_user_id_guild_id",
        "subscriptions",
        ["user_id", "guild_id"],
        unique=True,
        sqlite_where=sa.text("user_id IS NOT NULL"),
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_table(
        "topics",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("published_count", NUMBER, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_topics"),
        sa.UniqueConstraint("key", name="uq_topics_key"),
    )
    op.create_table(
        "worker_requests",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("result", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_worker_requests"),
    )
    op.create_index("ix_worker_requests_requested_at", "worker_requests", ["requested_at"])
    op.create_table(
        "cards",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source_id", NUMBER),
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("sort_key", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("file_state", TEXT, server_default="held", nullable=False),
        sa.Column("held_reason", TEXT),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("quality", NUMBER),
        sa.Column("heat", NUMBER),
        sa.Column("score", NUMBER, server_default="0", nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("revision", TEXT, nullable=False),
        sa.Column("content_hash", TEXT, nullable=False),
        sa.Column("file_missing", sa.Boolean(), nullable=False),
        sa.Column("scheduled", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("visible_at", sa.BigInteger()),
        sa.Column("needs_planning", sa.Boolean(), nullable=False),
        sa.Column("story_id", NUMBER),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_cards_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
        sa.UniqueConstraint("slug", name="uq_cards_slug"),
        sa.UniqueConstraint("sort_key", name="uq_cards_sort_key"),
    )
    op.create_index("ix_cards_content_hash", "cards", ["content_hash"])
    op.create_index(
        "ix_cards_needs_planning",
        "cards",
        ["id"],
        sqlite_where=sa.text("needs_planning = 1"),
        postgresql_where=sa.text("needs_planning"),
    )
    op.create_index("ix_cards_provider", "cards", ["provider"])
    op.create_index("ix_cards_sort_key_state_heat", "cards", ["sort_key", "state", "heat"])
    op.create_index("ix_cards_state_score_sort_key", "cards", ["state", "score", "sort_key"])
    op.create_index("ix_cards_state_sort_key", "cards", ["state", "sort_key"])
    op.create_index("ix_cards_story_id", "cards", ["story_id"])
    op.create_index("ix_cards_visible_at", "cards", ["visible_at"])
    op.create_table(
        "subscription_topics",
        sa.Column("subscription_id", NUMBER, nullable=False),
        sa.Column("topic_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name="fk_subscription_topics_subscription_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_subscription_topics_topic_id"),
        sa.PrimaryKeyConstraint("subscription_id", "topic_id", name="pk_subscription_topics"),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("subject", TEXT, server_default="verdict", nullable=False),
        sa.Column("before", TEXT),
        sa.Column("after", TEXT),
        sa.Column("subscription_ids", sa.JSON()),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("reverts_id", NUMBER),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_audit_log_card_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_card_id_guild_id", "audit_log", ["card_id", "guild_id"])
    op.create_index("ix_audit_log_guild_id_id", "audit_log", ["guild_id", "id"])
    op.create_table(
        "card_aliases",
        sa.Column("url", TEXT, nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_card_aliases_card_id"),
        sa.PrimaryKeyConstraint("url", "card_id", name="pk_card_aliases"),
    )
    op.create_index("ix_card_aliases_card_id", "card_aliases", ["card_id"])
    op.create_table(
        "card_topics",
        sa.Column("topic_id", NUMBER, nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("sort_key", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_card_topics_card_id"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_card_topics_topic_id"),
        sa.PrimaryKeyConstraint("topic_id", "card_id", name="pk_card_topics"),
    )
    op.create_index("ix_card_topics_card_id", "card_topics", ["card_id"])
    op.create_index("ix_card_topics_topic_id_sort_key", "card_topics", ["topic_id", "sort_key"])
    op.create_table(
        "decision_subscriptions",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("subscription_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_decision_subscriptions_card_id"),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name="fk_decision_subscriptions_subscription_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild_id", "card_id", "subscription_id", name="pk_decision_subscriptions"),
    )
    op.create_table(
        "decisions",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("selected_only", sa.Boolean(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_decisions_card_id"),
        sa.PrimaryKeyConstraint("guild_id", "card_id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_card_id", "decisions", ["card_id"])
    op.create_table(
        "deferred_cards",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("subscription_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_deferred_cards_card_id"),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name="fk_deferred_cards_subscription_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "card_id", "subscription_id", name="pk_deferred_cards"),
    )
    op.create_table(
        "delivery_cards",
        sa.Column("delivery_id", NUMBER, nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("revision", TEXT),
        sa.Column("shown", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("selected_rank", NUMBER),
        sa.Column("selected_heat", NUMBER),
        sa.Column("selected_quality", NUMBER),
        sa.Column("selected_hours", NUMBER),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_delivery_cards_card_id"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_delivery_cards_delivery_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id", "card_id", name="pk_delivery_cards"),
        sa.UniqueConstraint("channel_id", "card_id", name="uq_delivery_cards_channel_id_card_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_cards_card_id", "delivery_cards", ["card_id"])
    op.create_table(
        "reports",
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_reports_card_id"),
        sa.PrimaryKeyConstraint("card_id", "user_id", "guild_id", name="pk_reports"),
    )
    op.create_index("ix_reports_guild_id_card_id", "reports", ["guild_id", "card_id"])
    op.create_index("ix_reports_user_id_at", "reports", ["user_id", "at"])
    op.create_table(
        "saved_cards",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_saved_cards_card_id"),
        sa.PrimaryKeyConstraint("user_id", "card_id", name="pk_saved_cards"),
    )
    op.create_table(
        "source_items",
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("digest", TEXT),
        sa.Column("card_id", NUMBER),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("missing_since", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_source_items_card_id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_source_items_source_id"),
        sa.PrimaryKeyConstraint("source_id", "key", name="pk_source_items"),
    )
    op.create_table(
        "story_keys",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_story_keys_card_id"),
        sa.PrimaryKeyConstraint("key", "card_id", name="pk_story_keys"),
    )
    op.create_index("ix_story_keys_card_id", "story_keys", ["card_id"])
    op.create_table(
        "topic_override_topics",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("topic_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_topic_override_topics_card_id"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_topic_override_topics_topic_id"),
        sa.PrimaryKeyConstraint("guild_id", "card_id", "topic_id", name="pk_topic_override_topics"),
    )
    op.create_table(
        "topic_overrides",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", NUMBER, nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("audit_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["audit_id"], ["audit_log.id"], name="fk_topic_overrides_audit_id"),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name="fk_topic_overrides_card_id"),
        sa.PrimaryKeyConstraint("guild_id", "card_id", name="pk_topic_overrides"),
    )
    op.create_index("ix_topic_overrides_card_id", "topic_overrides", ["card_id"])
    # ### end Alembic commands ###


def _create_sqlite_search() -> None:
    # An upgraded store has its index already (`bot.store.migrations.prerelease`).
    op.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS card_search USING fts5(title, excerpt, names, related, tags, "
        "tokenize=\"unicode61 remove_diacritics 2\", prefix='2 3')"
    )


def _create_postgresql_search() -> None:
    # As above. For a word whose share it does not know, the planner checks card by card: 600 ms in a million.
    op.execute("CREATE TABLE IF NOT EXISTS card_search (sort_key bigint PRIMARY KEY, words tsvector NOT NULL)")
    op.execute("ALTER TABLE card_search ALTER COLUMN words SET STATISTICS 1000")
    op.execute("CREATE INDEX IF NOT EXISTS ix_card_search_words ON card_search USING gin (words)")


def _guard_audit_log_on_sqlite() -> None:
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_log_no_{act.lower()} BEFORE {act} ON audit_log "
            "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
        )


def _guard_audit_log_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'restrict_violation'; END $$"
    )
    for name, act, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER audit_log_no_{name} BEFORE {act} ON audit_log FOR EACH {each} "
            "EXECUTE FUNCTION audit_log_only_grows()"
        )
