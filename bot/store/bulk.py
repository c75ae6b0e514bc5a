"""Inserts of a thousand rows, past what SQLAlchemy does for each value: that takes longer than the engine itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

PlainRow = Mapping[str, int | str | None]
"""Values as the driver takes them: whole numbers, and text that a database can keep (`bot.cards.text.storable`)."""


async def insert_plain(connection: AsyncConnection, table: Table, rows: Sequence[PlainRow]) -> None:
    """Insert rows that all name the same columns, two at least."""
    if not rows:
        return
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    in_order = itemgetter(*statement.positiontup or ())
    await connection.exec_driver_sql(statement.string, [in_order(row) for row in rows])
