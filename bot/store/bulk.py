"""Many values at once: in questions that must not become too long, and in inserts of a thousand rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE = 500
"""Values in one question: their number is limited on every engine."""
_Value = TypeVar("_Value")

PlainRow = Mapping[str, int | str | None]
"""Values as the driver takes them: whole numbers, and text that a database can keep (`bot.cards.text.storable`)."""


def some_of(values: Sequence[_Value], most: int = AT_ONCE) -> Iterator[Sequence[_Value]]:
    """The values in order, so many at a time."""
    for start in range(0, len(values), most):
        yield values[start : start + most]


async def insert_plain(connection: AsyncConnection, table: Table, rows: Sequence[PlainRow]) -> None:
    """Insert rows that all name the same columns, two at least.

    Past what SQLAlchemy does for each value: that takes longer than the engine itself.
    """
    if not rows:
        return
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    in_order = itemgetter(*statement.positiontup or ())
    await connection.exec_driver_sql(statement.string, [in_order(row) for row in rows])
