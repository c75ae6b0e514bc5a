"""Tokens of the HTTP intake, and its answers by idempotency key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v2"
down_revision = "v1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "intake_tokens",
        sa.Column("id", number, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("digest", text, nullable=False),
        sa.Column("source_id", number, nullable=False),
        sa.Column("policy", text, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_intake_tokens_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_intake_tokens_name")),
        sa.UniqueConstraint("digest", name=op.f("uq_intake_tokens_digest")),
    )
    op.create_table(
        "intake_answers",
        sa.Column("token_id", number, nullable=False),
        sa.Column("key", text, nullable=False),
        sa.Column("body_digest", text, nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["intake_tokens.id"], name=op.f("fk_intake_answers_token_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_intake_answers")),
    )
    op.create_index("ix_intake_answers_answered_at", "intake_answers", ["answered_at"])
