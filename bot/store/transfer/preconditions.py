"""Check the source and target of a move, and set the marker of an unfinished copy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from sqlalchemy import Connection, Select, Table, delete, exists, insert, inspect, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.database import Database, exclusive_access, open_database
from bot.store.inspection import DatabaseState, database_state, inspect_database
from bot.store.key_value import MOVING
from bot.store.migrate import is_foreign_database, migrate_database
from bot.store.schema_revision import read_revision
from bot.store.tables import key_values, metadata

Notes = Mapping[str, str]
"""The contents of the table `key_values`."""
AtWork = Callable[[Notes], bool]
"""Predicate: whether, by these `key_values` values, a bot is running on the store."""

_UNFIT = {
    DatabaseState.MISSING: "it does not exist",
    DatabaseState.FOREIGN: "it belongs to another program",
    DatabaseState.NEWER: "it was written by a newer version of Newsdesk; use that one",
    DatabaseState.OLDER: "it is empty or of an older version; a start of the bot brings it up to date",
    DatabaseState.TOO_OLD: "it is too old for this version of Newsdesk",
    DatabaseState.MOVING: "another store is being moved there; finish that first",
}


def tables_to_copy() -> list[Table]:
    """Return the tables to copy row by row, in foreign key order; `prepare_target` copies `key_values`.

    Neither what passes by itself, nor what is derived from other tables.
    """
    kept = (table for table in metadata.sorted_tables if not table.info.keys() & {"passing", "derived"})
    return [table for table in kept if table is not key_values]


async def read_notes(connection: AsyncConnection) -> dict[str, str]:
    return dict((await connection.execute(select(key_values.c.key, key_values.c.value))).all())


async def check_source(url: str) -> None:
    """Raise `StoreError` if the source is not an intact store of this version."""
    report = await inspect_database(url)
    if reason := _UNFIT.get(report.state) or "; ".join(report.damage):
        raise StoreError(f"The database {report.place} cannot be moved: {reason}.")


async def check_closed(source: str, target: str) -> None:
    """Raise `StoreError` if a process has either database open. Processes started later cannot write."""
    async with exclusive_access(source):
        pass
    with _name_option_in_errors():
        async with exclusive_access(target):
            pass


def check_not_running(where: str, notes: Notes, at_work: AtWork) -> None:
    if at_work(notes):
        raise StoreError(f"A bot works with {where}, or did within the last minutes. Stop it, wait, try again.")


@asynccontextmanager
async def open_target(url: str) -> AsyncIterator[Database]:
    """Open the target; `StoreError` messages name `--to` instead of the setting."""
    async with AsyncExitStack() as stack:
        with _name_option_in_errors():
            database = await stack.enter_async_context(open_database(url))
        yield database


@contextmanager
def _name_option_in_errors() -> Iterator[None]:
    """Name the option `--to` instead of the setting in `StoreError` messages."""
    try:
        yield
    except StoreError as error:
        raise error.with_option("--to") from error


async def prepare_target(target_database: Database, where: str, source: Notes, at_work: AtWork) -> None:
    """Write the source's `key_values` values and the marker to the target, unless a copy of it is in progress there.

    Raises `StoreError`, without changing anything, if the target is not usable.
    """
    if await _is_resumable(target_database, where, source, at_work):
        return
    with _name_option_in_errors():
        await migrate_database(target_database)
    notes = {**source, MOVING: source["instance"]}
    async with target_database.begin_write() as connection:
        await connection.execute(delete(key_values))
        await connection.execute(insert(key_values), [{"key": key, "value": value} for key, value in notes.items()])


async def finish_target(target_database: Database) -> None:
    """Remove the marker, which makes the target the store. PostgreSQL needs fresh statistics after the bulk load."""
    async with target_database.begin_write() as connection:
        if target_database.dialect == "postgresql":
            await connection.exec_driver_sql("ANALYZE")
        await connection.execute(delete(key_values).where(key_values.c.key == MOVING))


async def _is_resumable(target_database: Database, where: str, source: Notes, at_work: AtWork) -> bool:
    """Whether a copy of this source is in progress there. Raises `StoreError` if the target holds anything else."""
    async with target_database.begin_read() as connection:
        if not await connection.run_sync(_has_tables, where):
            return False
        stored = await read_notes(connection)
        is_empty = not [table for table in tables_to_copy() if (await connection.execute(_any_row(table))).scalar_one()]
    mark = stored.pop(MOVING, None)
    if mark is None:
        check_not_running(where, stored, at_work)
        _reject_filled(where, stored, source, is_empty)
    elif mark != source["instance"]:
        raise StoreError(f"Another store is being moved to {where}. Finish that one, or name another database.")
    # A bot has written these values since, so it may have changed rows that were already copied.
    elif stored != source:
        raise StoreError(f"The store has been at work since its move to {where} began. Empty that one and start over.")
    return mark is not None


def _has_tables(connection: Connection, where: str) -> bool:
    tables = inspect(connection).get_table_names()
    if is_foreign_database(tables):
        raise StoreError(f"{where} belongs to another program. Name a database of its own.")
    if tables and database_state(tables, read_revision(connection), ours=True) is not DatabaseState.CURRENT:
        raise StoreError(f"{where} is a database of another version of Newsdesk. Empty it, or name another one.")
    return bool(tables)


def _any_row(table: Table) -> Select[tuple[bool]]:
    return select(exists(select(literal(1)).select_from(table)))


def _reject_filled(where: str, stored: Notes, source: Notes, is_empty: bool) -> None:
    if stored.get("instance") == source["instance"]:
        raise StoreError(f"{where} is this store itself, or a whole copy of it. There is nothing to move.")
    if not is_empty:
        raise StoreError(f"{where} is another store, which would be lost. Empty it, or name another database.")
