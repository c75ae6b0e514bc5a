"""Move a store to another database, keeping its ids, counters and instance name."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreTroubleError
from bot.store.database import Database, open_database, place_of
from bot.store.moving.comparing import Compared, compare
from bot.store.moving.copying import Copying
from bot.store.moving.ends import (
    AtWork,
    end,
    moved,
    notes_of,
    open_target,
    prepare,
    refuse_at_work,
    refuse_open,
    refuse_source,
)
from bot.store.tables import cards

__all__ = ["Compared", "move"]

Progress = Callable[[int, int], None]
"""Called with the number of rows done and the total."""


async def move(source: str, target: str, at_work: AtWork, progress: Progress) -> list[Compared]:
    """Copy the store at `source` to `target`, or resume an interrupted copy, then compare the two.

    The source is only read, and locked against writes meanwhile. The target cannot be used as a store until every
    table compares equal. Raises `StoreError` if the source cannot be moved, if the target is neither new nor an
    unfinished copy of this source, if a process has either open, and on database errors.
    """
    await refuse_source(source)
    await refuse_open(source, target)
    try:
        # Only read from here; the write transaction keeps other processes from changing the source.
        async with open_database(source) as here, here.write() as held:
            notes = await notes_of(held)
            refuse_at_work(place_of(source), notes, at_work)
            async with open_target(target) as there:
                await prepare(there, place_of(target), notes, at_work)
                return await _moved(held, there, progress)
    except (SQLAlchemyError, OSError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        words = f"The move broke off: {reason}. It goes on where it was when it is run again."
        raise StoreTroubleError(words) from error


async def _moved(source: AsyncConnection, there: Database, progress: Progress) -> list[Compared]:
    step = await _steps(source, progress)
    copying = Copying(source, there, step)
    for table in moved():
        await copying.rows(table)
        await copying.counter(table)
    await copying.index()
    async with there.read() as target:
        compared = await compare(source, target, step)
    if all(each.is_same for each in compared):
        await end(there)
    return compared


async def _steps(source: AsyncConnection, progress: Progress) -> Callable[[int], None]:
    """Return a progress callback. Each row counts three times: copied, then read on both sides; so do index entries."""
    ways = 3 * [*moved(), cards]
    of = sum([(await source.execute(select(func.count()).select_from(table))).scalar_one() for table in ways])
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        progress(done, of)

    return step
