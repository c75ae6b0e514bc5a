"""Copy rows in primary key order, so that an interrupted copy resumes after the last key in the target."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, RowMapping, Select, Table, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.moderation import EVERYWHERE
from bot.store.cards.edits import index_edits
from bot.store.cards.rows import card_from_row, stored_card_columns
from bot.store.cards.search_entries import IndexedCard, add_entries, load_labels
from bot.store.database import Database
from bot.store.engines.sequences import advance_sequence, last_number
from bot.store.search import indexes_for_dialect
from bot.store.search.index import SearchIndex
from bot.store.sql_helpers import chunks, open_stream
from bot.store.tables import card_edits, cards

BATCH = 2000
"""Rows per transaction, and in memory at a time."""
_END = 2**63 - 1
Write = Callable[[AsyncConnection, Sequence[RowMapping]], Awaitable[None]]


def indexed_places(index: SearchIndex) -> Select[Any]:
    """Select the timeline positions of the indexed cards."""
    return select(cards.c.sort_key).join_from(index.table, cards, index.card)


def indexed_edits(index: SearchIndex) -> Select[Any]:
    """Select the audit entries of the indexed edits, in order."""
    return select(card_edits.c.audit_id).join_from(index.table, card_edits, index.card).order_by(card_edits.c.audit_id)


class TableCopier:
    """One copy. `step` is called after each committed batch, with its number of rows."""

    def __init__(self, source: AsyncConnection, target: Database, step: Callable[[int], None]) -> None:
        self._source = source
        self._target = target
        self._step = step

    async def copy_rows(self, table: Table) -> None:
        """Copy the missing rows of a table. SQL NULL in a JSON column arrives as JSON null; both read as None."""

        async def insert_rows(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
            await connection.execute(insert(table), [dict(row) for row in rows])

        keys = list(table.primary_key.columns)

        def is_beyond(last: Sequence[Any]) -> ColumnElement[bool]:
            # A range of the primary key: an OFFSET would read everything before it again.
            return tuple_(*keys) > tuple_(*map(literal, last, [key.type for key in keys]))

        target_query = select(*keys).order_by(*(key.desc() for key in keys))
        await self._copy_batches(select(table).order_by(*keys), target_query, is_beyond, insert_rows)

    async def copy_indexes(self) -> None:
        """Index what the source has indexed, in the target engine's form."""
        known, new = indexes_for_dialect(self._source.dialect.name), indexes_for_dialect(self._target.dialect)
        await self._copy_index(known.shared, new.shared)
        await self._copy_index(known.followed, new.followed)
        await self._copy_edit_index(known.edited)

    async def _copy_index(self, known: SearchIndex, index: SearchIndex) -> None:
        async def insert_entries(connection: AsyncConnection, rows: Sequence[RowMapping]) -> None:
            found = [IndexedCard(row["sort_key"], card_from_row(row).card, row["source_id"]) for row in rows]
            labels = await load_labels(connection, {each.source_id for each in found})
            await add_entries(connection, index, found, labels)

        def is_beyond(last: Sequence[Any]) -> ColumnElement[bool]:
            return known.in_timeline_span(literal(last[0] + 1, BigInteger), literal(_END, BigInteger))

        shown = select(*stored_card_columns(EVERYWHERE)).join_from(known.table, cards, known.card)
        target_query = indexed_places(index).order_by(index.timeline_order(newer=False))
        await self._copy_batches(
            shown.order_by(known.timeline_order(newer=True)), target_query, is_beyond, insert_entries
        )

    async def _copy_edit_index(self, known: SearchIndex) -> None:
        """Index the edits that are indexed there, from the start: they are few."""
        ids = (await self._source.execute(indexed_edits(known))).scalars().all()
        for some in chunks(ids):
            async with self._target.begin_write() as connection:
                await index_edits(connection, card_edits.c.audit_id.in_(some))
            self._step(len(some))

    async def _copy_batches(
        self,
        query: Select[Any],
        target_query: Select[Any],
        is_beyond: Callable[[Sequence[Any]], ColumnElement[bool]],
        write_batch: Write,
    ) -> None:
        """Write the selected rows in order, skipping those up to the first row of `target_query`."""
        last, number = await self._copied_so_far(target_query)
        self._step(number)
        if last is not None:
            query = query.where(is_beyond(last))
        # All tables are read in the one transaction that the move holds open, so they are of the same moment.
        async with open_stream(self._source, query, BATCH) as rows:
            async for batch in rows.mappings().partitions():
                async with self._target.begin_write() as connection:
                    await write_batch(connection, batch)
                self._step(len(batch))

    async def _copied_so_far(self, target_query: Select[Any]) -> tuple[Sequence[Any] | None, int]:
        """Return the highest key already copied, and the number of rows."""
        number = select(func.count()).select_from(target_query.order_by(None).subquery())
        async with self._target.begin_read() as connection:
            return (await connection.execute(target_query.limit(1))).first(), (
                await connection.execute(number)
            ).scalar_one()

    async def copy_sequence(self, table: Table) -> None:
        """Copy the autoincrement counter, so that ids of deleted rows are not reused."""
        if (column := table.autoincrement_column) is None:
            return
        async with self._target.begin_write() as connection:
            highest = (await connection.execute(select(func.max(column)))).scalar_one()
            known = [number for number in (highest, await last_number(self._source, column)) if number is not None]
            if known:
                await advance_sequence(connection, column, max(known))
