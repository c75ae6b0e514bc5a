"""Less to write for a digest, and cards that are to be planned found by their index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WHY = {
    "rank": "how a digest came to choose it: its place there, from 1; null: no digest did",
    "heat": "as it was then",
    "quality": "as it was then",
    "hours": "its age then",
}


def upgrade() -> None:
    """SQLite writes a true column as `unplanned = 1`, and uses a partial index only for its own words."""
    op.drop_index("ix_cards_unplanned", "cards")
    op.create_index(
        "ix_cards_unplanned",
        "cards",
        ["id"],
        sqlite_where=sa.text("unplanned = 1"),
        postgresql_where=sa.text("unplanned"),
    )
    for name, meaning in _WHY.items():
        op.add_column("delivery_cards", sa.Column(name, sa.Integer(), nullable=True, comment=meaning))
    rows = sa.table("delivery_cards", sa.column("why", sa.JSON), *map(sa.column, _WHY))
    said = {name: rows.c.why["place" if name == "rank" else name].as_integer() for name in _WHY}
    op.execute(rows.update().where(rows.c.why.is_not(None)).values(said))
    with op.batch_alter_table("delivery_cards", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.drop_column("why")
