"""Helpers for many values: chunks for `IN` lists, and fast bulk inserts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE = 500
"""Values per statement: every engine limits the number of bind parameters."""
_Value = TypeVar("_Value")

PlainRow = Mapping[str, int | str | None]
"""Values in the driver's form: integers, and text that a database can store (`bot.cards.text.strip_unstorable`)."""


def chunks(values: Sequence[_Value], most: int = AT_ONCE) -> Iterator[Sequence[_Value]]:
    """Yield the values in order, in chunks of at most `most`."""
    for start in range(0, len(values), most):
        yield values[start : start + most]


async def insert_plain(connection: AsyncConnection, table: Table, rows: Sequence[PlainRow]) -> None:
    """Insert rows that all have the same columns, at least two.

    Bypasses SQLAlchemy's per-value processing, which takes longer than the engine itself.
    """
    if not rows:
        return
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    in_order = itemgetter(*statement.positiontup or ())
    await connection.exec_driver_sql(statement.string, [in_order(row) for row in rows])
