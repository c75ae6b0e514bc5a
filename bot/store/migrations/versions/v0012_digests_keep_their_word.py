"""Why a digest rests, when it was paused, when its member was last seen; a deferred card for each subscription."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NAMES = ("channel_id", "card_id", "subscription_id")


def upgrade() -> None:
    letter_by_letter = "C" if op.get_bind().dialect.name == "postgresql" else None
    trouble = "why its last digest could not be made; null: it could"
    pauses = "since its last slot: from and until, microseconds since 1970; until null: paused"
    seen = "when Discord last said that the member is in the server"
    for column in (
        sa.Column("trouble", sa.Text(collation=letter_by_letter), nullable=True, comment=trouble),
        sa.Column("pauses", sa.JSON(), nullable=False, server_default="[]", comment=pauses),
        sa.Column("member_seen_at", sa.BigInteger(), nullable=True, comment=seen),
    ):
        op.add_column("subscriptions", column)
    columns = ", ".join(_NAMES)
    op.execute(f"CREATE TABLE deferred_before AS SELECT {columns} FROM deferred")  # noqa: S608 - our own names
    op.drop_table("deferred")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "deferred",
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", number, nullable=False),
        sa.Column("subscription_id", number, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_deferred_card_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_deferred_subscription_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*_NAMES, name=op.f("pk_deferred")),
    )
    op.execute(f"INSERT INTO deferred ({columns}) SELECT {columns} FROM deferred_before")  # noqa: S608 - our own names
    op.drop_table("deferred_before")
