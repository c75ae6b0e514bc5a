"""Languages: a server's, a subscription's own, and the one that each message is in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    servers = "the server's on Discord; null: English"
    op.add_column("guild_settings", sa.Column("language", sa.Text(), nullable=True, comment=servers))
    own = "of its posts; null: the server's"
    op.add_column("subscriptions", sa.Column("language", sa.Text(), nullable=True, comment=own))
    op.add_column("deliveries", sa.Column("language", sa.Text(), nullable=False, server_default="en"))
