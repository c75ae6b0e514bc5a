"""Database access: snapshot reads, serialized writes, and short concurrent updates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.engines import EngineHandle, LeaderLock, postgresql, sqlite

_TRIES = 5
_Result = TypeVar("_Result")


class Database:
    """One engine, and four kinds of transaction.

    `begin_read` sees one snapshot; `begin_autocommit` is for a single query. `begin_write` excludes all other writes
    and shared writes, in this process and any other on the same database: what it reads stays true until it commits.
    `write_shared` excludes those only; it is for independent row updates, mainly the results of deliveries. A write
    notifies other processes (see `leader_lock`).
    """

    def __init__(self, handle: EngineHandle) -> None:
        self.engine = handle.engine
        self._handle = handle
        self._reader_slots = asyncio.Semaphore(handle.max_readers)
        self._write_lock = asyncio.Lock()
        self._shared_write_slots = (
            asyncio.Semaphore(handle.max_shared_writers) if handle.max_shared_writers else self._write_lock
        )

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect."""
        return self.engine.dialect.name

    @property
    def is_shared(self) -> bool:
        """Whether several processes may deliver from this database at once."""
        return self._handle.is_shared

    @asynccontextmanager
    async def begin_read(self) -> AsyncIterator[AsyncConnection]:
        async with self._reader_slots, self._begin(self._handle.read_options) as connection:
            yield connection

    @asynccontextmanager
    async def begin_autocommit(self) -> AsyncIterator[AsyncConnection]:
        """Read with a single query. It needs no snapshot, which saves round trips to the engine."""
        async with self._reader_slots, self._begin(self._handle.autocommit_options) as connection:
            yield connection

    @asynccontextmanager
    async def begin_write(self) -> AsyncIterator[AsyncConnection]:
        # Queue in this process first: waiting for the lock of the database is polling in SQLite, and in no order.
        async with self._write_lock, self._begin(self._handle.write_options) as connection, connection.begin():
            yield connection
            # PostgreSQL delivers it when the transaction commits, and not at all if it fails.
            if self._handle.notify_sql:
                await connection.exec_driver_sql(self._handle.notify_sql)

    def leader_lock(self, on_notify: Callable[[], None]) -> LeaderLock:
        """Return a candidate for leadership; calls `on_notify` when another process has written. Must be closed."""
        return self._handle.leader_lock(on_notify)

    def gateway_lock(self, shard_ids: Sequence[int] | None) -> LeaderLock:
        """Return a candidate for the gateway of these shards (None: all). Must be closed."""
        return self._handle.gateway_lock(shard_ids)

    async def write_shared(self, work: Callable[[AsyncConnection], Awaitable[_Result]]) -> _Result:
        """Run `work` in one transaction, with up to `_TRIES` attempts on a deadlock or serialization failure."""
        for _ in range(_TRIES - 1):
            try:
                return await self._write_shared_once(work)
            except DBAPIError as error:
                if not postgresql.is_serialization_failure(error):
                    raise
        return await self._write_shared_once(work)

    async def _write_shared_once(self, work: Callable[[AsyncConnection], Awaitable[_Result]]) -> _Result:
        async with (
            self._shared_write_slots,
            self._begin(self._handle.shared_write_options) as connection,
            connection.begin(),
        ):
            return await work(connection)

    @asynccontextmanager
    async def _begin(self, options: Mapping[str, Any]) -> AsyncIterator[AsyncConnection]:
        self._handle.check()
        async with self.engine.connect() as connection:
            await connection.execution_options(**options)
            yield connection

    async def checkpoint(self) -> None:
        """Checkpoint the WAL without blocking anyone.

        Otherwise SQLite does so within some commit, which then takes ten times as long. PostgreSQL needs no help.
        """
        if self._handle.checkpoint_sql:
            async with self.begin_autocommit() as connection:
                await connection.exec_driver_sql(self._handle.checkpoint_sql)


@asynccontextmanager
async def open_database(url: str, *, read_only: bool = False) -> AsyncIterator[Database]:
    """Open the database. Raises `StoreError` if it cannot be opened or is not a Newsdesk database.

    With `read_only`, nothing can be written, no file is created, and writers are not waited for.
    """
    engine = postgresql if is_server(url) else sqlite
    opening = engine.open_engine_read_only(url) if read_only else engine.open_engine(url)
    async with opening as handle:
        yield Database(handle)


def is_server(url: str) -> bool:
    """Return whether the URL is PostgreSQL's rather than a file's."""
    return make_url(url).get_backend_name() == "postgresql"


def describe_location(url: str) -> str:
    """Return the file, or host and database name, for display: without user and password."""
    return postgresql.describe_location(url) if is_server(url) else str(make_url(url).database)


async def copy_database(url: str, target: Path) -> None:
    """Copy the database atomically; it may be in use. SQLite only.

    Raises `OSError`, and `StoreError` if the copy fails its integrity check or the database is not a file.
    """
    _reject_server(url, "Back it up with pg_dump")
    await sqlite.copy_database(url, target)


async def replace_database(copy: Path, url: str) -> Path | None:
    """Replace the database at `url` with a copy, atomically. No process may have it open. SQLite only.

    Returns where the former one is kept, if there was one. Raises `OSError`, and `StoreError` if the copy is not an
    intact Newsdesk database or the database is not a file.
    """
    _reject_server(url, "Put a backup back with pg_restore")
    return await sqlite.replace_database(copy, url)


def exclusive_access(url: str) -> AbstractAsyncContextManager[None]:
    """Ensure exclusive access. Raises `StoreError` if another process has the database open, even one that only reads.

    A file stays locked while the context is open. PostgreSQL is checked once, on entry.
    """
    return postgresql.exclusive_access(url) if is_server(url) else sqlite.exclusive_access(url)


def _reject_server(url: str, instead: str) -> None:
    if is_server(url):
        raise StoreError(f"The database is PostgreSQL's, and this is for SQLite's files. {instead}.")
