"""Copy rows in primary key order, so that an interrupted copy resumes after the last key in the target."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, RowMapping, Select, Table, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.publication import EVERYWHERE
from bot.store.database import Database
from bot.store.engines.counters import counted, go_on_after
from bot.store.records import filed, filed_columns
from bot.store.search import Index, entry
from bot.store.search.engines import index_of
from bot.store.tables import cards

BATCH = 2000
"""Rows per transaction, and in memory at a time."""
_END = 2**63 - 1
Write = Callable[[AsyncConnection, Sequence[RowMapping]], Awaitable[None]]


def indexed(index: Index) -> Select[Any]:
    """Select the timeline positions of the indexed cards."""
    return select(cards.c.timeline).join_from(index.table, cards, index.card)


class Copying:
    """One copy. `step` is called after each committed batch, with its number of rows."""

    def __init__(self, source: AsyncConnection, target: Database, step: Callable[[int], None]) -> None:
        self._source = source
        self._target = target
        self._step = step

    async def rows(self, table: Table) -> None:
        """Copy the missing rows of a table. SQL NULL in a JSON column arrives as JSON null; both read as None."""

        async def write(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
            await connection.execute(insert(table), [dict(row) for row in rows])

        keys = list(table.primary_key.columns)

        def beyond(last: Sequence[Any]) -> ColumnElement[bool]:
            return tuple_(*keys) > tuple_(*map(literal, last, [key.type for key in keys]))

        there = select(*keys).order_by(*(key.desc() for key in keys))
        await self._copy(select(table).order_by(*keys), there, beyond, write)

    async def index(self) -> None:
        """Index the cards that the source has indexed, in the target engine's form."""
        index, known = index_of(self._target.dialect), index_of(self._source.dialect.name)

        async def write(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
            found = [filed(row) for row in rows]
            await index.add(connection, [(each.timeline, entry(each.card)) for each in found])

        def beyond(last: Sequence[Any]) -> ColumnElement[bool]:
            return known.within(literal(last[0] + 1, BigInteger), literal(_END, BigInteger))

        shown = select(*filed_columns(EVERYWHERE)).join_from(known.table, cards, known.card)
        there = indexed(index).order_by(index.by_time(newer=False))
        await self._copy(shown.order_by(known.by_time(newer=True)), there, beyond, write)

    async def _copy(
        self,
        asked: Select[Any],
        there: Select[Any],
        beyond: Callable[[Sequence[Any]], ColumnElement[bool]],
        write: Write,
    ) -> None:
        """Write the selected rows in order, skipping those up to the first row of `there`."""
        last, number = await self._reached(there)
        self._step(number)
        if last is not None:
            asked = asked.where(beyond(last))
        rows = await self._source.stream(asked, execution_options={"yield_per": BATCH})
        async for batch in rows.mappings().partitions():
            async with self._target.write() as connection:
                await write(connection, batch)
            self._step(len(batch))

    async def _reached(self, there: Select[Any]) -> tuple[Sequence[Any] | None, int]:
        """Return the highest key already copied, and the number of rows."""
        number = select(func.count()).select_from(there.order_by(None).subquery())
        async with self._target.read() as connection:
            return (await connection.execute(there.limit(1))).first(), (await connection.execute(number)).scalar_one()

    async def counter(self, table: Table) -> None:
        """Copy the autoincrement counter, so that ids of deleted rows are not reused."""
        if (column := table.autoincrement_column) is None:
            return
        async with self._target.write() as connection:
            highest = (await connection.execute(select(func.max(column)))).scalar_one()
            known = [number for number in (highest, await counted(self._source, column)) if number is not None]
            if known:
                await go_on_after(connection, column, max(known))
