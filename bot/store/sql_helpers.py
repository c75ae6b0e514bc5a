"""Helpers for statements: chunks for `IN` lists, fast bulk inserts, and inserts with `ON CONFLICT`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Select, Table, insert
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncResult

__all__ = ["PlainRow", "chunks", "insert_or_ignore", "insert_plain", "open_stream", "upsert"]

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


@asynccontextmanager
async def open_stream(connection: AsyncConnection, query: Select[Any], batch: int) -> AsyncIterator[AsyncResult[Any]]:
    """Stream the rows of a query, so many from the database at a time.

    The statement is closed however this ends: until then, SQLite keeps the file open, whatever else is closed.
    """
    result = await connection.stream(query, execution_options={"yield_per": batch})
    try:
        yield result
    finally:
        await result.close()
