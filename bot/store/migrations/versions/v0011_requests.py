"""Requests to the process that has the duty, and an index by which old lists are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    letter_by_letter = "C" if op.get_bind().dialect.name == "postgresql" else None
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "requests",
        sa.Column("id", number, nullable=False),
        sa.Column("kind", sa.Text(collation=letter_by_letter), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(collation=letter_by_letter), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    op.create_index("ix_requests_requested_at", "requests", ["requested_at"])
    op.create_index("ix_listings_used_at", "listings", ["used_at"])
