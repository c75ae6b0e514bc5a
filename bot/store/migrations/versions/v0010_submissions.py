"""Links that people submit in a server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v10"
down_revision = "v9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "submissions",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("card_id", number, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("comment", text, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("notice_language", text, nullable=True),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_submissions_card_id")),
        sa.PrimaryKeyConstraint("guild_id", "card_id", "user_id", name=op.f("pk_submissions")),
    )
    op.create_index("ix_submissions_card_id", "submissions", ["card_id"])
    op.create_index("ix_submissions_user_id_at", "submissions", ["user_id", "at"])
    told = sa.text("notice_language IS NOT NULL")
    op.create_index(
        "ix_submissions_notice_language", "submissions", ["guild_id"], sqlite_where=told, postgresql_where=told
    )
