"""Claims: which courier serves which channel, where several share a store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    letter_by_letter = "C" if op.get_bind().dialect.name == "postgresql" else None
    op.create_table(
        "channel_claims",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(collation=letter_by_letter), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_channel_claims"),
    )
