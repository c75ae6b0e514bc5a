"""SQLite: one file, one writer at a time, and copies by its own online backup."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import FromClause, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from bot.errors import StoreError, StoreTroubleError
from bot.store.engines import Opened, beginning
from bot.store.troubles import error_kind

APPLICATION_ID = 0x4E455753
"""Marks a file as Newsdesk's ("NEWS")."""

_PRAGMAS = (
    "PRAGMA busy_timeout=10000",  # first: the others may have to wait as well
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",  # a service may have no other place to write in than its state
    "PRAGMA wal_autocheckpoint=8000",  # only when `checkpoint` falls behind, at 32 MB: a commit has to do it then
)
_PATIENCE, _PAUSE = 10.0, 0.01
"""Seconds to wait for others that open the file, in all and each time."""
_READERS = 4
"""More at once starve each other on SQLite's own locks for over 100 ms."""


class _Compiler(SQLiteCompiler):
    """Writes hints: SQLite has `INDEXED BY`, of which SQLAlchemy does not know."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002  SQLAlchemy's own
        return text


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Opened]:
    """Open the file, making its folder. Raises `StoreError` when it is another program's or cannot be opened at all."""
    path = make_url(url).database
    _make_folder(path)
    await asyncio.to_thread(_refuse_foreign, str(path))
    await asyncio.to_thread(_keep_a_log, str(path))
    engine = create_async_engine(url, hide_parameters=True, pool_size=_READERS + 1, max_overflow=0)
    engine.dialect.statement_compiler = _Compiler
    event.listen(engine.sync_engine, "connect", _prepare)
    writing = beginning("BEGIN IMMEDIATE")
    try:
        yield Opened(
            engine,
            reading=beginning("BEGIN"),
            glancing={},
            writing=writing,
            noting=writing,
            readers=_READERS,
            stand=lambda _heard: FileStand(Path(str(path))),
            checkpoint="PRAGMA wal_checkpoint(PASSIVE)",
        )
    finally:
        # aiosqlite's threads keep the process alive until their connections are closed.
        await engine.dispose()


class FileStand:
    """A lock on a file beside the store, by SQLite's own means. It hears nothing: all that matters happens here."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(f"{store.name}-duty")
        self._held: sqlite3.Connection | None = None

    async def look(self) -> bool:
        if self._held is None:
            self._held = await asyncio.to_thread(self._take)
        return self._held is not None

    def _take(self) -> sqlite3.Connection | None:
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            connection.close()
            return None
        return connection

    async def close(self) -> None:
        if self._held:
            self._held.close()
            self._held = None


async def copy_to(url: str, target: Path) -> None:
    """Copy the database while others work on it, by SQLite's own online backup: whole or not at all.

    Raises `OSError`, and `StoreError` when the copy turns out to be damaged.
    """
    await asyncio.to_thread(_copy, str(make_url(url).database), target)


async def put_in_place(copy: Path, url: str) -> None:
    """Let a copy take the place of the database at `url`, whole or not at all. Nobody may have it open.

    Raises `OSError`, and `StoreError` when the copy is no whole database of Newsdesk.
    """
    target = Path(str(make_url(url).database))
    _make_folder(str(target))
    await asyncio.to_thread(_refuse_foreign, str(copy))
    await asyncio.to_thread(_replace, copy, target)


def _replace(copy: Path, target: Path) -> None:
    _copy(str(copy), target)
    for leftover in ("-wal", "-shm"):
        Path(f"{target}{leftover}").unlink(missing_ok=True)


def _copy(path: str, target: Path) -> None:
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            (state,) = copy.execute("PRAGMA integrity_check").fetchone()
        if state != "ok":
            raise StoreTroubleError(f"The copy is damaged ({state}) and was not kept. Check the disk and the database.")
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)


def _make_folder(path: str | None) -> None:
    if not path or path == ":memory:":
        raise StoreError("NEWSDESK_DATABASE_URL: must name a file, such as sqlite+aiosqlite:////var/lib/newsdesk.db")
    try:
        Path(path).expanduser().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The database's folder {Path(path).parent} cannot be made: {error.strerror}.") from error


def _refuse_foreign(path: str) -> None:
    """Look without touching: WAL mode alone would already change another program's file."""
    if not Path(path).exists():
        return
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            # In this order: another process may be making them, and signs them with its commit.
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        raise error_kind(error)(f"{path} cannot be opened as a Newsdesk database: {error}.") from error
    if tables and owner != APPLICATION_ID:
        raise StoreError(f"{path} belongs to another program. Point NEWSDESK_DATABASE_URL at a file of its own.")


def _keep_a_log(path: str) -> None:
    """Put the file into WAL mode, where it stays.

    Of several that do so to a new file at once SQLite tells all but one "database is locked" at once, whatever
    `busy_timeout` says: waiting could be for each other.
    """
    until = monotonic() + _PATIENCE
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
            while not _in_wal(connection, until):
                sleep(_PAUSE)
    except sqlite3.DatabaseError as error:
        raise error_kind(error)(f"{path} cannot be opened as a Newsdesk database: {error}.") from error


def _in_wal(connection: sqlite3.Connection, until: float) -> bool:
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
            raise
        return False
    return True


def _prepare(connection: Any, _record: object) -> None:
    """The driver must not begin transactions by itself: the store does, with the right lock."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
