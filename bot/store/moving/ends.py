"""Check the source and target of a move, and set the marker of an unfinished copy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Select, Table, delete, exists, insert, inspect, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.database import Database, alone, open_database
from bot.store.examining import DatabaseState, examine, state_of
from bot.store.meta import MOVING
from bot.store.migrate import is_foreign, migrate
from bot.store.tables import meta, metadata

Notes = Mapping[str, str]
"""The contents of the table `meta`."""
AtWork = Callable[[Notes], bool]
"""Predicate: whether, by these `meta` values, a bot is running on the store."""

_UNFIT = {
    DatabaseState.MISSING: "it does not exist",
    DatabaseState.FOREIGN: "it belongs to another program",
    DatabaseState.NEWER: "it was written by a newer version of Newsdesk; use that one",
    DatabaseState.OLDER: "it is empty or of an older version; a start of the bot brings it up to date",
    DatabaseState.MOVING: "another store is being moved there; finish that first",
}


def moved() -> list[Table]:
    """Return the tables to copy row by row, in foreign key order. `prepare` copies `meta`, with the marker."""
    return [table for table in metadata.sorted_tables if table is not meta and not table.info.get("passing")]


async def notes_of(connection: AsyncConnection) -> dict[str, str]:
    return dict((await connection.execute(select(meta.c.key, meta.c.value))).all())


async def refuse_source(url: str) -> None:
    """Raise `StoreError` if the source is not an intact store of this version."""
    found = await examine(url)
    if reason := _UNFIT.get(found.state) or "; ".join(found.damage):
        raise StoreError(f"The database {found.place} cannot be moved: {reason}.")


async def refuse_open(source: str, target: str) -> None:
    """Raise `StoreError` if a process has either database open. Processes started later cannot write."""
    async with alone(source):
        pass
    with _by_its_option():
        async with alone(target):
            pass


def refuse_at_work(where: str, notes: Notes, at_work: AtWork) -> None:
    if at_work(notes):
        raise StoreError(f"A bot works with {where}, or did within the last minutes. Stop it, wait, try again.")


@asynccontextmanager
async def open_target(url: str) -> AsyncIterator[Database]:
    """Open the target; `StoreError` messages name `--to` instead of the setting."""
    async with AsyncExitStack() as stack:
        with _by_its_option():
            database = await stack.enter_async_context(open_database(url))
        yield database


@contextmanager
def _by_its_option() -> Iterator[None]:
    """Name the option `--to` instead of the setting in `StoreError` messages."""
    try:
        yield
    except StoreError as error:
        raise type(error)(str(error).replace("NEWSDESK_DATABASE_URL", "--to")) from error


async def prepare(there: Database, where: str, source: Notes, at_work: AtWork) -> None:
    """Write the source's `meta` values and the marker to the target, unless a copy of it is in progress there.

    Raises `StoreError`, without changing anything, if the target is not usable.
    """
    if await _is_begun(there, where, source, at_work):
        return
    with _by_its_option():
        await migrate(there)
    notes = {**source, MOVING: source["instance"]}
    async with there.write() as connection:
        await connection.execute(delete(meta))
        await connection.execute(insert(meta), [{"key": key, "value": value} for key, value in notes.items()])


async def end(there: Database) -> None:
    """Remove the marker, which makes the target the store. PostgreSQL needs fresh statistics after the bulk load."""
    async with there.write() as connection:
        if there.dialect == "postgresql":
            await connection.exec_driver_sql("ANALYZE")
        await connection.execute(delete(meta).where(meta.c.key == MOVING))


async def _is_begun(there: Database, where: str, source: Notes, at_work: AtWork) -> bool:
    """Whether a copy of this source is in progress there. Raises `StoreError` if the target holds anything else."""
    async with there.read() as connection:
        if not await connection.run_sync(_has_tables, where):
            return False
        kept = await notes_of(connection)
        is_empty = not [table for table in moved() if (await connection.execute(_any(table))).scalar_one()]
    mark = kept.pop(MOVING, None)
    if mark is None:
        refuse_at_work(where, kept, at_work)
        _refuse_filled(where, kept, source, is_empty)
    elif mark != source["instance"]:
        raise StoreError(f"Another store is being moved to {where}. Finish that one, or name another database.")
    elif kept != source:
        raise StoreError(f"The store has been at work since its move to {where} began. Empty that one and begin anew.")
    return mark is not None


def _has_tables(connection: Connection, where: str) -> bool:
    tables = inspect(connection).get_table_names()
    if is_foreign(tables):
        raise StoreError(f"{where} belongs to another program. Name a database of its own.")
    revision = MigrationContext.configure(connection).get_current_revision()
    if tables and state_of(tables, revision, ours=True) is not DatabaseState.CURRENT:
        raise StoreError(f"{where} is a database of another version of Newsdesk. Empty it, or name another one.")
    return bool(tables)


def _any(table: Table) -> Select[tuple[bool]]:
    return select(exists(select(literal(1)).select_from(table)))


def _refuse_filled(where: str, kept: Notes, source: Notes, is_empty: bool) -> None:
    if kept.get("instance") == source["instance"]:
        raise StoreError(f"{where} is this store itself, or a whole copy of it. There is nothing to move.")
    if not is_empty:
        raise StoreError(f"{where} is another store, which would be lost. Empty it, or name another database.")
