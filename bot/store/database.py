"""The connection to the database: steady pictures, writes one at a time, whole transactions."""

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

    `read` sees a steady picture, `glance` asks a single question. `write` excludes every other write and note, in this
    process and in any other on the same database: what it reads stays true until it is committed. `note` excludes
    writes only: it is for changes of rows that stand for themselves, above all for what becomes of deliveries. A write
    rings the bell that other processes listen for (`stand`).
    """

    def __init__(self, opened: Opened) -> None:
        self.engine = opened.engine
        self._opened = opened
        self._reading = asyncio.Semaphore(opened.readers)
        self._writing = asyncio.Lock()
        self._noting = asyncio.Semaphore(opened.noters) if opened.noters else self._writing

    @property
    def dialect(self) -> str:
        """The engine's name."""
        return self.engine.dialect.name

    @property
    def is_shared(self) -> bool:
        """Whether several processes may deliver from it at once."""
        return self._opened.shared

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._reading, self._begun(self._opened.reading) as connection:
            yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """For a single question, which needs no steady picture: it saves turns to the engine."""
        async with self._reading, self._begun(self._opened.glancing) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with self._writing, self._begun(self._opened.writing) as connection, connection.begin():
            yield connection
            if self._opened.bell:
                await connection.exec_driver_sql(self._opened.bell)

    def stand(self, heard: Callable[[], None]) -> Stand:
        """A place from which to take the duty, and to hear what other processes write. It has to be closed."""
        return self._opened.stand(heard)

    def gateway_stand(self, shard_ids: Sequence[int] | None) -> Stand:
        """A place from which to answer people for these shards, or for all of them. It has to be closed."""
        return self._opened.gateway_stand(shard_ids)

    async def note(self, work: Callable[[AsyncConnection], Awaitable[_Result]]) -> _Result:
        """Do this in one transaction; once more where the engine broke it off to let another one through."""
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
        """Bring what was written since the last time from the log into the tables, and hinder nobody.

        By itself SQLite does that in whichever commit comes next, which then takes ten times as long. A server has
        somebody of its own for it.
        """
        if self._opened.checkpoint:
            async with self.glance() as connection:
                await connection.exec_driver_sql(self._opened.checkpoint)


@asynccontextmanager
async def open_database(url: str, *, read_only: bool = False) -> AsyncIterator[Database]:
    """Open the database. Raises `StoreError` when it cannot be opened at all, or is no database of Newsdesk.

    With `read_only` nothing can be written, no file is made, and nobody who writes is waited for.
    """
    engine = postgresql if is_server(url) else sqlite
    opening = engine.opened_to_read(url) if read_only else engine.opened(url)
    async with opening as opened:
        yield Database(opened)


def is_server(url: str) -> bool:
    """Whether the database is PostgreSQL's and not a file."""
    return make_url(url).get_backend_name() == "postgresql"


def place_of(url: str) -> str:
    """The file, or the server and the database, for people: without user and password."""
    return postgresql.place(url) if is_server(url) else str(make_url(url).database)


async def copy_to(url: str, target: Path) -> None:
    """Copy the database while others work on it: whole or not at all.

    Raises `OSError`, and `StoreError` when the copy turns out to be damaged, or the database is no file.
    """
    _refuse_server(url, "Back it up with pg_dump")
    await sqlite.copy_to(url, target)


async def put_in_place(copy: Path, url: str) -> None:
    """Let a copy take the place of the database at `url`, whole or not at all. Nobody may have it open.

    Raises `OSError`, and `StoreError` when the copy is no whole database of Newsdesk, or the database no file.
    """
    _refuse_server(url, "Put a backup back with pg_restore")
    await sqlite.put_in_place(copy, url)


def alone(url: str) -> AbstractAsyncContextManager[None]:
    """Have the database to oneself. Raises `StoreError` when another process has it open, also one that only answers.

    For as long as the context is open, nobody can open a file. On a server that is looked at once.
    """
    return postgresql.alone(url) if is_server(url) else sqlite.alone(url)


def _refuse_server(url: str, instead: str) -> None:
    if is_server(url):
        raise StoreError(f"The database is PostgreSQL's, and this is for SQLite's files. {instead}.")
