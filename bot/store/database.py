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
from bot.store.engines import Opened, Stand, postgresql, sqlite

_TRIES = 5
_Result = TypeVar("_Result")


class Database:
    """One engine, and four kinds of transaction.

    `read` sees one snapshot; `glance` is for a single query. `write` excludes all other writes and notes, in this
    process and any other on the same database: what it reads stays true until it commits. `note` excludes writes only;
    it is for independent row updates, mainly the results of deliveries. A write notifies other processes (see `stand`).
    """

    def __init__(self, opened: Opened) -> None:
        self.engine = opened.engine
        self._opened = opened
        self._reading = asyncio.Semaphore(opened.readers)
        self._writing = asyncio.Lock()
        self._noting = asyncio.Semaphore(opened.noters) if opened.noters else self._writing

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect."""
        return self.engine.dialect.name

    @property
    def is_shared(self) -> bool:
        """Whether several processes may deliver from this database at once."""
        return self._opened.shared

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._reading, self._begun(self._opened.reading) as connection:
            yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """Read with a single query. It needs no snapshot, which saves round trips to the engine."""
        async with self._reading, self._begun(self._opened.glancing) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with self._writing, self._begun(self._opened.writing) as connection, connection.begin():
            yield connection
            if self._opened.bell:
                await connection.exec_driver_sql(self._opened.bell)

    def stand(self, heard: Callable[[], None]) -> Stand:
        """Return a candidate for leadership; calls `heard` when another process has written. Must be closed."""
        return self._opened.stand(heard)

    def gateway_stand(self, shard_ids: Sequence[int] | None) -> Stand:
        """Return a candidate for the gateway of these shards (None: all). Must be closed."""
        return self._opened.gateway_stand(shard_ids)

    async def note(self, work: Callable[[AsyncConnection], Awaitable[_Result]]) -> _Result:
        """Run `work` in one transaction, with up to `_TRIES` attempts on a deadlock or serialization failure."""
        for _ in range(_TRIES - 1):
            try:
                return await self._note(work)
            except DBAPIError as error:
                if not postgresql.is_tangled(error):
                    raise
        return await self._note(work)

    async def _note(self, work: Callable[[AsyncConnection], Awaitable[_Result]]) -> _Result:
        async with self._noting, self._begun(self._opened.noting) as connection, connection.begin():
            return await work(connection)

    @asynccontextmanager
    async def _begun(self, options: Mapping[str, Any]) -> AsyncIterator[AsyncConnection]:
        self._opened.check()
        async with self.engine.connect() as connection:
            await connection.execution_options(**options)
            yield connection

    async def checkpoint(self) -> None:
        """Checkpoint the WAL without blocking anyone.

        Otherwise SQLite does so within some commit, which then takes ten times as long. PostgreSQL needs no help.
        """
        if self._opened.checkpoint:
            async with self.glance() as connection:
                await connection.exec_driver_sql(self._opened.checkpoint)


@asynccontextmanager
async def open_database(url: str, *, read_only: bool = False) -> AsyncIterator[Database]:
    """Open the database. Raises `StoreError` if it cannot be opened or is not a Newsdesk database.

    With `read_only`, nothing can be written, no file is created, and writers are not waited for.
    """
    engine = postgresql if is_server(url) else sqlite
    opening = engine.opened_to_read(url) if read_only else engine.opened(url)
    async with opening as opened:
        yield Database(opened)


def is_server(url: str) -> bool:
    """Return whether the URL is PostgreSQL's rather than a file's."""
    return make_url(url).get_backend_name() == "postgresql"


def place_of(url: str) -> str:
    """Return the file, or host and database name, for display: without user and password."""
    return postgresql.place(url) if is_server(url) else str(make_url(url).database)


async def copy_to(url: str, target: Path) -> None:
    """Copy the database atomically; it may be in use. SQLite only.

    Raises `OSError`, and `StoreError` if the copy fails its integrity check or the database is not a file.
    """
    _refuse_server(url, "Back it up with pg_dump")
    await sqlite.copy_to(url, target)


async def put_in_place(copy: Path, url: str) -> None:
    """Replace the database at `url` with a copy, atomically. No process may have it open. SQLite only.

    Raises `OSError`, and `StoreError` if the copy is not an intact Newsdesk database or the database is not a file.
    """
    _refuse_server(url, "Put a backup back with pg_restore")
    await sqlite.put_in_place(copy, url)


def alone(url: str) -> AbstractAsyncContextManager[None]:
    """Ensure exclusive access. Raises `StoreError` if another process has the database open, even one that only reads.

    A file stays locked while the context is open. PostgreSQL is checked once, on entry.
    """
    return postgresql.alone(url) if is_server(url) else sqlite.alone(url)


def _refuse_server(url: str, instead: str) -> None:
    if is_server(url):
        raise StoreError(f"The database is PostgreSQL's, and this is for SQLite's files. {instead}.")
