"""Rows on their way, in the order of their keys: how far a copy came that broke off is seen by what is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Table, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.publication import EVERYWHERE
from bot.store.database import Database
from bot.store.engines.counters import counted, go_on_after
from bot.store.records import filed, filed_columns
from bot.store.search import entry
from bot.store.search.engines import index_of
from bot.store.tables import cards

BATCH = 2000
"""Rows in one transaction, and in memory."""
Write = Callable[[AsyncConnection, Sequence[RowMapping]], Awaitable[None]]


class Copying:
    """One move. `step` is told of every batch that stands in the target, with the number of its rows."""

    def __init__(self, source: AsyncConnection, target: Database, step: Callable[[int], None]) -> None:
        self._source = source
        self._target = target
        self._step = step

    async def rows(self, table: Table) -> None:
        """Copy the rows of a table that are not there yet. JSON that was left out arrives as null: both read alike."""

        async def write(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
            await connection.execute(insert(table), [dict(row) for row in rows])

        keys = list(table.primary_key.columns)
        await self._copy(select(table), keys, keys, write)

    async def index(self) -> None:
        """Put into the index which cards stand in the source's, in the words that this engine's has for them."""
        index, known = index_of(self._target.dialect), index_of(self._source.dialect.name)

        async def write(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
            found = [filed(row) for row in rows]
            await index.add(connection, [(each.timeline, entry(each.card)) for each in found])

        shown = select(*filed_columns(EVERYWHERE)).join_from(cards, known.table, known.place == cards.c.timeline)
        await self._copy(shown, [known.place], [index.place], write)

    async def _copy(
        self, asked: Select[Any], keys: Sequence[ColumnElement[Any]], there: Sequence[ColumnElement[Any]], write: Write
    ) -> None:
        """Write what was asked for, by its keys, from the highest of these on that is there."""
        last, number = await self._reached(there)
        self._step(number)
        if last is not None:
            asked = asked.where(tuple_(*keys) > tuple_(*map(literal, last, [key.type for key in keys])))
        rows = await self._source.stream(asked.order_by(*keys), execution_options={"yield_per": BATCH})
        async for batch in rows.mappings().partitions():
            async with self._target.write() as connection:
                await write(connection, batch)
            self._step(len(batch))

    async def _reached(self, keys: Sequence[ColumnElement[Any]]) -> tuple[Sequence[Any] | None, int]:
        """The highest keys in the target, and how many."""
        highest = select(*keys).order_by(*(key.desc() for key in keys)).limit(1)
        number = select(func.count()).select_from(select(*keys).subquery())
        async with self._target.read() as connection:
            return (await connection.execute(highest)).first(), (await connection.execute(number)).scalar_one()

    async def counter(self, table: Table) -> None:
        """Numbers that were ever given to rows are not given again, also those of rows that are gone."""
        if (column := table.autoincrement_column) is None:
            return
        async with self._target.write() as connection:
            highest = (await connection.execute(select(func.max(column)))).scalar_one()
            known = [number for number in (highest, await counted(self._source, column)) if number is not None]
            if known:
                await go_on_after(connection, column, max(known))
