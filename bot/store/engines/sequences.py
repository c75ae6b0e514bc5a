"""Read and set auto-increment counters (PostgreSQL sequences, SQLite's `sqlite_sequence`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.ext.asyncio import AsyncConnection

_ASK = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = :name")
_SET = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)")


async def last_number(connection: AsyncConnection, column: Column[Any]) -> int | None:
    """Return the highest number ever assigned; None if there is none, or no counter (SQLite without AUTOINCREMENT)."""
    if connection.dialect.name == "postgresql":
        rows = await connection.execute(select(func.pg_sequence_last_value(_sequence_name(column), type_=BigInteger)))
    else:
        rows = await connection.execute(_ASK, {"name": column.table.name})
    return rows.scalar_one_or_none()


async def advance_sequence(connection: AsyncConnection, column: Column[Any], number: int) -> None:
    """Continue the counter after this number. Does nothing if the column has no counter."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.setval(_sequence_name(column), literal(number, BigInteger))))
    elif column.table.dialect_options["sqlite"]["autoincrement"]:
        # The table of the counters has no unique key, so there is nothing for an upsert to conflict with.
        await connection.execute(_FORGET, {"name": column.table.name})
        await connection.execute(_SET, {"name": column.table.name, "number": number})


def _sequence_name(column: Column[Any]) -> Any:
    return cast(func.pg_get_serial_sequence(column.table.name, column.name), REGCLASS)
