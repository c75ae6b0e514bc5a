"""Digests: subscriptions with a timetable, deliveries of several cards, stories, quiet hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    _stories()
    _subscriptions()
    _deliveries()
    _quiet_hours()


def _stories() -> None:
    op.add_column("cards", sa.Column("story_id", sa.Integer(), nullable=True))
    op.create_index("ix_cards_story_id", "cards", ["story_id"])
    op.create_index("ix_cards_visible_at", "cards", ["visible_at"])
    op.create_table(
        "story_keys",
        sa.Column("key", sa.Text(), nullable=False, comment="what cards of one story have in common"),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_story_keys_card_id")),
        sa.PrimaryKeyConstraint("key", "card_id", name=op.f("pk_story_keys")),
    )
    op.create_index("ix_story_keys_card_id", "story_keys", ["card_id"])


def _subscriptions() -> None:
    for column in (
        sa.Column("times", sa.JSON(), nullable=False, server_default="[]", comment="local, HH:MM"),
        sa.Column("days", sa.JSON(), nullable=False, server_default="[]", comment="from Monday, 0"),
        sa.Column("timezone", sa.Text(), nullable=False, server_default="UTC"),
        sa.Column("without", sa.JSON(), nullable=False, server_default="[]", comment="topics and words"),
        sa.Column("max_cards", sa.Integer(), nullable=False, server_default="10"),
        sa.Column("layout", sa.Text(), nullable=False, server_default="cards"),
        sa.Column("mention", sa.BigInteger(), nullable=True, comment="a role"),
        sa.Column("crosspost", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("on_withdrawal", sa.Text(), nullable=False, server_default="delete"),
        sa.Column("skip_empty", sa.Boolean(), nullable=False, server_default="1"),
        sa.Column("forum", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column("paused", sa.Boolean(), nullable=False, server_default="0"),
        sa.Column(
            "since", sa.BigInteger(), nullable=False, server_default="0", comment="cards visible later are new to it"
        ),
        sa.Column("next_at", sa.BigInteger(), nullable=True, comment="when its next digest is due"),
    ):
        op.add_column("subscriptions", column)
    op.execute("UPDATE subscriptions SET since = created_at")
    op.create_index(
        "ix_subscriptions_next_at", "subscriptions", ["next_at"], sqlite_where=sa.text("next_at IS NOT NULL")
    )


def _deliveries() -> None:
    op.drop_index("ix_deliveries_card_id", "deliveries")
    op.drop_index("ix_deliveries_channel_id_due_at", "deliveries")
    op.drop_index("ix_deliveries_due_at", "deliveries")
    op.create_table(
        "moved_cards",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
    )
    op.execute("INSERT INTO moved_cards SELECT id, card_id, channel_id, wanted FROM deliveries")
    for side in ("wanted", "actual"):
        op.execute(
            f"UPDATE deliveries SET {side} = card_id || ':' || {side} "  # noqa: S608 - the two words above
            f"WHERE {side} IS NOT NULL AND {side} NOT IN ('unpublished', '')"
        )
    given = _given()
    # SQLite writes the table anew; nothing may refer to it then, or its rows would go as well.
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint("uq_deliveries_channel_id_card_id", type_="unique")
        table.drop_constraint("fk_deliveries_card_id", type_="foreignkey")
        table.drop_column("card_id")
        table.add_column(sa.Column("slot", sa.Text(), nullable=True))
        table.add_column(sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("layout", sa.Text(), nullable=False, server_default="card"))
        table.add_column(sa.Column("heading", sa.Text(), nullable=True))
        table.add_column(sa.Column("mention", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("on_withdrawal", sa.Text(), nullable=False, server_default="delete"))
        table.add_column(sa.Column("forum", sa.Boolean(), nullable=False, server_default="0"))
        table.add_column(sa.Column("crosspost", sa.Text(), nullable=True))
        table.add_column(sa.Column("crossposted_at", sa.BigInteger(), nullable=True))
        table.create_unique_constraint("uq_deliveries_subscription_id_slot_part", ["subscription_id", "slot", "part"])
    if _is_sqlite():
        _go_on_after(given)
    op.create_index("ix_deliveries_due_at", "deliveries", ["due_at"], sqlite_where=_DUE)
    op.create_index("ix_deliveries_channel_id_due_at", "deliveries", ["channel_id"], sqlite_where=_DUE)
    op.create_index(
        "ix_deliveries_crosspost", "deliveries", ["channel_id"], sqlite_where=sa.text("crosspost = 'wanted'")
    )
    op.create_table(
        "delivery_cards",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, comment="order within the message"),
        sa.Column("revision", sa.Text(), nullable=True, comment="to be shown; null: not any more"),
        sa.Column(
            "shown",
            sa.Boolean(),
            nullable=False,
            server_default="1",
            comment="else the message tells its story already",
        ),
        sa.Column("why", sa.JSON(), nullable=True, comment="how a digest came to choose it"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_cards_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_delivery_cards_card_id")),
        sa.PrimaryKeyConstraint("delivery_id", "card_id", name=op.f("pk_delivery_cards")),
        sa.UniqueConstraint("channel_id", "card_id", name=op.f("uq_delivery_cards_channel_id_card_id")),
    )
    op.create_index("ix_delivery_cards_card_id", "delivery_cards", ["card_id"])
    op.execute(
        "INSERT INTO delivery_cards (delivery_id, card_id, channel_id, place, revision) "
        "SELECT delivery_id, card_id, channel_id, 0, revision FROM moved_cards"
    )
    op.drop_table("moved_cards")


def _is_sqlite() -> bool:
    """Other engines change the table in place, and go on counting by themselves."""
    return op.get_bind().dialect.name == "sqlite"


def _given() -> int | None:
    if not _is_sqlite():
        return None
    given: int | None = op.get_bind().scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'"))
    return given


def _go_on_after(given: int | None) -> None:
    """A number goes into the nonce of its message: one that was given to a deleted row may not be given again."""
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'deliveries'")
    if given is not None:
        again = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('deliveries', :given)")
        op.execute(again.bindparams(given=given))


def _quiet_hours() -> None:
    op.create_table(
        "quiet_hours",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False, comment="local, HH:MM"),
        sa.Column("ends", sa.Text(), nullable=False, comment="local, HH:MM"),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("passing_heat", sa.Integer(), nullable=True, comment="stories this hot are posted all the same"),
        sa.Column("is_quiet", sa.Boolean(), nullable=False),
        sa.Column("turns_at", sa.BigInteger(), nullable=False, comment="when that changes"),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_quiet_hours")),
    )
    op.create_index("ix_quiet_hours_turns_at", "quiet_hours", ["turns_at"])
    op.create_table(
        "deferred",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_deferred_card_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_deferred_subscription_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "card_id", name=op.f("pk_deferred")),
    )
    op.create_table(
        "guild_settings",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_guild_settings")),
    )
