"""A store moves to another database with all that is named and counted in it, and goes on there as itself."""

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
"""Told how many rows are done, and of how many."""


async def move(source: str, target: str, at_work: AtWork, progress: Progress) -> list[Compared]:
    """Copy the store at `source` to `target`, or go on with a copy that was broken off, and compare the two.

    The source is read only, and nobody can write to it meanwhile. A target is no store for anybody before all of it
    was found to be the same. Raises `StoreError` for a source that cannot be moved, for a target that is neither new
    nor a copy of this source under way, for either that a process has open, and when the engines break off.
    """
    await refuse_source(source)
    await refuse_open(source, target)
    try:
        # Beside its reading, `write` holds off whoever would change the source.
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
    """Each row is copied, and read on either side; cards and their places in the index go the same way."""
    ways = 3 * [*moved(), cards]
    of = sum([(await source.execute(select(func.count()).select_from(table))).scalar_one() for table in ways])
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        progress(done, of)

    return step
