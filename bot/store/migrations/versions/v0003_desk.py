"""The desk: decisions for everywhere and for picked subscriptions, an audit with undo, a server's own topics, flags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _cards()
    _decisions()
    _audit()
    _flags()
    _guild_settings()
    review = sa.text("layout = 'review'")
    op.create_index("ix_deliveries_review", "deliveries", ["guild_id"], sqlite_where=review, postgresql_where=review)


def _cards() -> None:
    filed = sa.Column("filed_state", sa.Text(), nullable=False, server_default="held", comment="its file's own word")
    op.add_column("cards", filed)
    points = sa.Column("points", sa.Integer(), nullable=False, server_default="0", comment="heat, else quality, else 0")
    op.add_column("cards", points)
    op.execute("UPDATE cards SET filed_state = state, points = coalesce(heat, quality, 0)")
    op.create_index("ix_cards_state_points_timeline", "cards", ["state", "points", "timeline"])


def _decisions() -> None:
    picked: sa.Column[bool] = sa.Column(
        "picked",
        sa.Boolean(),
        nullable=False,
        server_default="0",
        comment="only for the decision's subscriptions",
    )
    op.add_column("decisions", picked)
    op.create_table(
        "decision_subscriptions",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_decision_subscriptions_card_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_decision_subscriptions_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild_id", "card_id", "subscription_id", name=op.f("pk_decision_subscriptions")),
    )


def _audit() -> None:
    for column in (
        sa.Column("subject", sa.Text(), nullable=False, server_default="verdict", comment="verdict, topics, state"),
        sa.Column("only", sa.JSON(), nullable=True, comment="subscriptions that were picked"),
        sa.Column("undoes", sa.Integer(), nullable=True, comment="the entry that this one takes back"),
    ):
        op.add_column("audit", column)
    op.create_index("ix_audit_card_id_guild_id", "audit", ["card_id", "guild_id"])
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{act.lower()} BEFORE {act} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END"
            )
    op.create_table(
        "card_edits",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False, comment="in place of the file's, in this server"),
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_card_edits_card_id")),
        sa.ForeignKeyConstraint(["audit_id"], ["audit.id"], name=op.f("fk_card_edits_audit_id")),
        sa.PrimaryKeyConstraint("guild_id", "card_id", name=op.f("pk_card_edits")),
    )
    op.create_index("ix_card_edits_card_id", "card_edits", ["card_id"])
    op.create_table(
        "card_edit_topics",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_card_edit_topics_card_id")),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name=op.f("fk_card_edit_topics_topic_id")),
        sa.PrimaryKeyConstraint("guild_id", "card_id", "topic_id", name=op.f("pk_card_edit_topics")),
    )


def _flags() -> None:
    op.create_table(
        "flags",
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_flags_card_id")),
        sa.PrimaryKeyConstraint("card_id", "user_id", "guild_id", name=op.f("pk_flags")),
    )
    op.create_index("ix_flags_guild_id_card_id", "flags", ["guild_id", "card_id"])
    op.create_index("ix_flags_user_id_at", "flags", ["user_id", "at"])


def _guild_settings() -> None:
    with op.batch_alter_table("guild_settings") as table:
        table.alter_column("timezone", existing_type=sa.Text(), nullable=True)
        table.add_column(sa.Column("review_channel_id", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("review_open", sa.Integer(), nullable=False, server_default="10"))
