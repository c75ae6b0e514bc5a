"""Helpers for statements: chunks for `IN` lists, fast bulk inserts, and inserts with `ON CONFLICT`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import Table, insert
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["PlainRow", "chunks", "insert_or_ignore", "insert_plain", "upsert"]

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
    # Compiled once, then given to the driver with bare tuples in the order of its parameters.
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    in_order = itemgetter(*statement.positiontup or ())
    await connection.exec_driver_sql(statement.string, [in_order(row) for row in rows])


def insert_or_ignore(table: Table) -> Insert:
    """Return an insert that skips rows that conflict with any unique key.

    Like `upsert`, this is PostgreSQL's construct on both engines: SQLite adopted the clause, and SQLAlchemy renders it
    the same.
    """
    return upsert(table).on_conflict_do_nothing()
