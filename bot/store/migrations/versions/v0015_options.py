"""One JSON column for the options that SQL does not read, in subscriptions and in deliveries."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_DEFAULTS: dict[str, Any] = {
    "times": [],
    "days": [],
    "timezone": "UTC",
    "without": [],
    "max_cards": 10,
    "layout": "cards",
    "mention": None,
    "skip_empty": True,
}
_LISTS = ("times", "days", "without")


def upgrade() -> None:
    for table in ("subscriptions", "deliveries"):
        op.add_column(table, sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
    connection = op.get_bind()
    before = sa.table(
        "subscriptions",
        *(sa.column(name, sa.Boolean() if name == "skip_empty" else None) for name in ("id", *_DEFAULTS)),
    )
    lists = (sa.cast(before.c[name], sa.Text).label(name) for name in _LISTS)
    others = (column for column in before.c if column.name not in _LISTS)
    changes = sa.table("subscriptions", sa.column("id"), sa.column("options", sa.JSON()))
    for row in connection.execute(sa.select(*others, *lists)).mappings().all():
        values = {name: _parse_list(row[name]) if name in _LISTS else row[name] for name in _DEFAULTS}
        options = {name: value for name, value in values.items() if value != _DEFAULTS[name]}
        connection.execute(sa.update(changes).where(changes.c.id == row["id"]).values(options=options))
    written = "'{\"mention\": ' || mention || '}'"
    if connection.dialect.name == "postgresql":
        written = f"CAST({written} AS JSON)"
    op.execute(f"UPDATE deliveries SET options = {written} WHERE mention IS NOT NULL")  # noqa: S608 - our own names
    for name in _DEFAULTS:
        op.drop_column("subscriptions", name)
    op.drop_column("deliveries", "mention")


def _parse_list(written: str | None) -> Any:
    """Parse a list. What is invalid stays as it is, so that the subscription still counts as invalid."""
    try:
        return json.loads(written or "")
    except ValueError:
        return written
