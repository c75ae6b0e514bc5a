"""Whether a server was notified that a feed that it follows is in trouble."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v5"
down_revision = "v4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("follows", sa.Column("trouble_notified", sa.Boolean(), server_default="0", nullable=False))
