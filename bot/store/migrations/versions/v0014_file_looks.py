"""What tells a changed file from one that was only touched, and when one was missed or is to appear."""

from __future__ import annotations

from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every file looks changed to the next load, which reads all of them once; what they say is compared then."""
    letter_by_letter = "C" if op.get_bind().dialect.name == "postgresql" else None
    for name in ("ctime_ns", "inode"):
        op.add_column("files", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("files", sa.Column("digest", sa.Text(collation=letter_by_letter), nullable=True))
    for name in ("missing_since", "due_at"):
        op.add_column("files", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("cards", sa.Column("scheduled", sa.Boolean(), nullable=False, server_default="0"))
    _compose_slugs()


def _compose_slugs() -> None:
    """A letter with an accent is one sign in a slug from now on, however the file system writes it."""
    cards = sa.table("cards", sa.column("id", sa.BigInteger), sa.column("slug", sa.Text))
    connection = op.get_bind()
    slugs = dict(connection.execute(sa.select(cards.c.slug, cards.c.id)).all())
    for slug, card_id in slugs.items():
        composed = normalize("NFC", slug)
        if composed != slug and composed not in slugs:
            connection.execute(cards.update().where(cards.c.id == card_id).values(slug=composed))
