"""Desired and delivered content as hashes; the cards stand in delivery_cards alone."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_NOTES = ("unpublished", "withdrawn", "empty")
_AT_ONCE = 10_000


def upgrade() -> None:
    """What was equal stays equal: a content's hash is that of the text that the old columns hold."""
    letter_by_letter = "C" if op.get_bind().dialect.name == "postgresql" else None
    for name in ("desired_kind", "desired_hash", "delivered_hash"):
        op.add_column("deliveries", sa.Column(name, sa.Text(collation=letter_by_letter), nullable=True))
    _hash_contents(op.get_bind())
    for name in ("wanted", "actual"):
        op.drop_column("deliveries", name)


def _hash_contents(connection: sa.Connection) -> None:
    names = ("id", "wanted", "actual", "desired_kind", "desired_hash", "delivered_hash")
    rows = sa.table("deliveries", *(sa.column(name) for name in names))
    change = (
        sa.update(rows)
        .where(rows.c.id == sa.bindparam("the_id"))
        .values({name: sa.bindparam(name) for name in names[3:]})
    )
    last = 0
    while True:
        query = sa.select(rows.c.id, rows.c.wanted, rows.c.actual).where(rows.c.id > last).order_by(rows.c.id)
        found = connection.execute(query.limit(_AT_ONCE)).all()
        if not found:
            return
        last = found[-1].id
        values = [
            {
                "the_id": id_,
                "desired_kind": _kind(wanted),
                "desired_hash": _hash(wanted),
                "delivered_hash": _hash(actual),
            }
            for id_, wanted, actual in found
        ]
        connection.execute(change, values)


def _kind(wanted: str | None) -> str | None:
    return wanted if wanted is None or wanted in _NOTES else "cards"


def _hash(content: str | None) -> str | None:
    """Hash a content; null if there is none, or if it is unknown, which was an empty text."""
    return hashlib.blake2b(str(content).encode(), digest_size=8).hexdigest() if content else None
