"""Move a store to another database, keeping its ids, counters and instance name."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreUnavailableError
from bot.store.database import Database, describe_location, open_database
from bot.store.tables import card_edits, cards
from bot.store.transfer.copy_tables import TableCopier
from bot.store.transfer.preconditions import (
    AtWork,
    check_closed,
    check_not_running,
    check_source,
    finish_target,
    open_target,
    prepare_target,
    read_notes,
    tables_to_copy,
)
from bot.store.transfer.verify import TableComparison, compare_stores

__all__ = ["TableComparison", "move_store"]

Progress = Callable[[int, int], None]
"""Called with the number of rows done and the total."""


async def move_store(source: str, target: str, at_work: AtWork, progress: Progress) -> list[TableComparison]:
    """Copy the store at `source` to `target`, or resume an interrupted copy, then compare the two.

    The source is only read, and locked against writes meanwhile. The target cannot be used as a store until every
    table compares equal. Raises `StoreError` if the source cannot be moved, if the target is neither new nor an
    unfinished copy of this source, if a process has either open, and on database errors.
    """
    await check_source(source)
    await check_closed(source, target)
    try:
        # Only read from here; the write transaction keeps other processes from changing the source.
        async with open_database(source) as source_database, source_database.begin_write() as held:
            notes = await read_notes(held)
            check_not_running(describe_location(source), notes, at_work)
            async with open_target(target) as target_database:
                await prepare_target(target_database, describe_location(target), notes, at_work)
                return await _copy_and_compare(held, target_database, progress)
    except (SQLAlchemyError, OSError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        words = f"The move broke off: {reason}. It goes on where it was when it is run again."
        raise StoreUnavailableError(words) from error


async def _copy_and_compare(
    source: AsyncConnection, target_database: Database, progress: Progress
) -> list[TableComparison]:
    step = await _progress_steps(source, progress)
    copying = TableCopier(source, target_database, step)
    for table in tables_to_copy():
        await copying.copy_rows(table)
        await copying.copy_sequence(table)
    await copying.copy_indexes()
    async with target_database.begin_read() as target:
        compared = await compare_stores(source, target, step)
    if all(each.is_same for each in compared):
        await finish_target(target_database)
    return compared


async def _progress_steps(source: AsyncConnection, progress: Progress) -> Callable[[int], None]:
    """Return a progress callback. Each row counts three times: copied, then read on both sides; so do index entries."""
    ways = 3 * [*tables_to_copy(), cards, card_edits]
    of = sum([(await source.execute(select(func.count()).select_from(table))).scalar_one() for table in ways])
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        progress(done, of)

    return step
