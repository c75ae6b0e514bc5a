"""A connection of aiosqlite that runs a statement and fetches its first rows in one call of its thread.

aiosqlite makes a cursor, executes, fetches and closes in a call each, and a call costs more than most statements here.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Self

import aiosqlite

_FIRST_ROWS = 200
"""Rows that are fetched with the execution; a longer result is fetched as it is asked for."""


class Connection(aiosqlite.Connection):
    """A connection to the file of a URI, to be awaited, as SQLAlchemy's adapter uses it."""

    def __init__(self, uri: str) -> None:
        super().__init__(lambda: sqlite3.connect(uri, uri=True, check_same_thread=False), iter_chunk_size=64)
        self._thread.daemon = True  # as SQLAlchemy does with those that it makes
        self._is_stopping = False
        self._end: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        """Close the connection and end its thread. A second call waits for the first: no thread would answer it.

        SQLAlchemy stops a connection whose `close` was cancelled and is still under way.
        """
        if not self._is_stopping:
            self._is_stopping, self._end = True, super().stop()
        return self._end

    def cursor(self) -> Cursor:  # type: ignore[override]  # the adapter only enters it
        return Cursor(self.run_in_thread, lambda: self._conn)

    async def run_in_thread(self, call: Callable[..., Any], *values: Any) -> Any:
        """Run something in the connection's thread, after all that was asked of it before."""
        return await self._execute(call, *values)  # type: ignore[no-untyped-call]


class Cursor:
    """What SQLAlchemy's adapter needs of an asynchronous cursor."""

    def __init__(self, run_in_thread: Callable[..., Any], connect: Callable[[], sqlite3.Connection]) -> None:
        self._run_in_thread = run_in_thread
        self._connect = connect
        self._cursor: sqlite3.Cursor | None = None
        self._rows: deque[Any] = deque()
        self._has_more = False
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        return self._cursor and self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount if self._cursor else -1

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid if self._cursor else None

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> Self:
        await self._run_in_thread(self._execute, operation, parameters)
        return self

    async def executemany(self, operation: str, parameters: Iterable[Sequence[Any]]) -> Self:
        await self._run_in_thread(self._execute_many, operation, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        return await self._take(None if self._has_more else len(self._rows))

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return await self._take(size or self.arraysize)

    async def fetchone(self) -> Any:
        return next(iter(await self._take(1)), None)

    async def close(self) -> None:
        self._rows.clear()
        if self._has_more and self._cursor:
            self._has_more = False
            await self._run_in_thread(self._cursor.close)

    async def _take(self, size: int | None) -> list[Any]:
        """Return the next rows; all that are left if no number is given."""
        if self._has_more and (size is None or len(self._rows) < size):
            await self._run_in_thread(self._fetch_more, size and size - len(self._rows))
        count = len(self._rows) if size is None else min(size, len(self._rows))
        return [self._rows.popleft() for _ in range(count)]

    def _execute(self, operation: str, parameters: Sequence[Any]) -> None:
        self._cursor = self._connect().execute(operation, parameters)
        if self._cursor.description:
            self._fetch_more(_FIRST_ROWS)

    def _execute_many(self, operation: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._cursor = self._connect().executemany(operation, parameters)

    def _fetch_more(self, size: int | None) -> None:
        before = len(self._rows)
        self._rows.extend(islice(self._cursor or (), size))
        # A statement that was read to its end is reset by SQLite, so that its cursor needs no closing.
        self._has_more = len(self._rows) - before == size
