"""SQLite engine: one file, one writer at a time, copies through the online backup API."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from itertools import chain, count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import FromClause, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.errors import StoreError, StoreUnavailableError
from bot.store.engines import OPEN_ELSEWHERE, EngineHandle, begin_options
from bot.store.engines.sqlite_connection import Connection
from bot.store.error_messages import error_class
from bot.store.tables import parse_json

APPLICATION_ID = 0x4E455753
"""Marks a file as Newsdesk's ("NEWS")."""

_PRAGMAS = (
    "PRAGMA busy_timeout=10000",  # first: the other pragmas may have to wait, too
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA temp_store=MEMORY",  # a service may be allowed to write to its state directory only
    "PRAGMA wal_autocheckpoint=8000",  # fallback at 32 MB, within a commit, if `checkpoint` falls behind
)
_PATIENCE, _PAUSE = 10.0, 0.01
"""Seconds to wait for other processes opening the file: in total, and between attempts."""
_GOODBYE = 2.0
"""Seconds to wait for an ending or reading process to close the file."""
_READERS = 4
"""More concurrent readers starve each other on SQLite's locks for over 100 ms."""


class _HintCompiler(SQLiteCompiler):
    """Renders table hints, for SQLite's `INDEXED BY`: SQLAlchemy's SQLite dialect ignores them."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002  overrides
        return text


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[EngineHandle]:
    """Open the file; create it and its folder if missing.

    Raises `StoreError` if it belongs to another program or cannot be opened.
    """
    path = str(make_url(url).database)
    _make_folder(path)
    await asyncio.to_thread(_reject_foreign, path)
    await asyncio.to_thread(_enable_wal, path)
    file = Path(path)
    async with _open_engine(_existing_only_uri(file), file) as handle:
        yield handle


def _existing_only_uri(path: Path) -> str:
    """Return a URI that never creates the file: if it were moved away, a new connection would make an empty one."""
    return f"{path.absolute().as_uri()}?mode=rw"


def _identity_check(path: Path) -> Callable[[], None]:
    """Return a check that raises `StoreUnavailableError` if the file was replaced or removed.

    Connections would not notice: they keep the old inode open.
    """
    identity = _file_identity(path)

    def check_identity() -> None:
        now = _file_identity(path)
        if now != identity:
            what = "is not there any more" if now is None else "is another file now"
            raise StoreUnavailableError(
                f"The database {path} {what}, so nothing is read or written. Put the one that the bot works with back, "
                "or start the bot again."
            )

    return check_identity


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_dev, info.st_ino


@asynccontextmanager
async def open_engine_read_only(url: str) -> AsyncIterator[EngineHandle]:
    """Open the file read-only. Raises `StoreError` if it cannot be read or belongs to another program."""
    path = Path(str(make_url(url).database))
    await asyncio.to_thread(_reject_foreign, str(path))
    async with _open_engine(read_only_uri(path), path) as handle:
        yield handle


def read_only_uri(path: Path) -> str:
    """Return a URI that opens the file read-only.

    WAL mode needs a `-shm` file, which SQLite cannot create in a read-only folder. If there is none, nobody is writing,
    so the file can be opened as immutable.
    """
    is_at_rest = not _is_writable(path.absolute().parent) and not Path(f"{path}-shm").exists()
    return f"{path.absolute().as_uri()}?{'immutable=1' if is_at_rest else 'mode=ro'}"


@asynccontextmanager
async def _open_engine(uri: str, path: Path) -> AsyncIterator[EngineHandle]:
    engine = create_async_engine(
        "sqlite+aiosqlite:///file",  # of a file, for the kind of pool; the connections know which one
        async_creator=lambda: Connection(uri),
        json_deserializer=parse_json,
        hide_parameters=True,
        pool_size=_READERS + 1,
        max_overflow=0,
    )
    engine.dialect.statement_compiler = _HintCompiler
    event.listen(engine.sync_engine, "connect", _prepare_connection)
    writing = begin_options("BEGIN IMMEDIATE")
    try:
        yield EngineHandle(
            engine,
            read_options=begin_options("BEGIN"),
            autocommit_options={},
            write_options=writing,
            shared_write_options=writing,
            max_readers=_READERS,
            # The name is as old as the file: a process of an older version must compete for the same one.
            leader_lock=lambda _heard: FileLockSet(FileLock(_sibling_path(path, "duty"))),
            gateway_lock=lambda shard_ids: FileLockSet(*_gateway_locks(path, shard_ids)),
            checkpoint_sql="PRAGMA wal_checkpoint(PASSIVE)",
            check=_identity_check(path),
        )
    finally:
        # aiosqlite's threads keep the process alive until their connections are closed. A connection that a task still
        # holds is closed when it is returned: the pool, which nobody empties again, would keep it.
        event.listen(engine.sync_engine, "checkin", _close_returned)
        await engine.dispose()


def _close_returned(connection: object, record: ConnectionPoolEntry) -> None:  # noqa: ARG001  an event's
    record.invalidate()


@asynccontextmanager
async def exclusive_access(url: str) -> AsyncIterator[None]:
    """Lock the file exclusively. Raises `StoreError` if another process has it open, even for reading."""
    lock = await asyncio.to_thread(_lock_exclusively, Path(str(make_url(url).database)))
    try:
        yield
    finally:
        if lock:
            lock.close()


def _lock_exclusively(path: Path) -> sqlite3.Connection | None:
    """Return a connection that holds the file exclusively; None if it is missing or not a database.

    In WAL mode every open connection holds a shared lock, which excludes this one.
    """
    until = monotonic() + _GOODBYE
    while True:
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0, check_same_thread=False
            )
        except sqlite3.OperationalError:
            return None
        try:
            connection.isolation_level = None
            # The lock taken by the transaction below stays after its end.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            connection.close()
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return None
            if monotonic() > until:
                raise StoreError(OPEN_ELSEWHERE.format(place=path)) from error
            sleep(_PAUSE)
        else:
            return connection


class FileLock:
    """A lock file next to the database, locked through SQLite; released when the process ends, even by a crash."""

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self._path = path
        self._shared = shared
        self._held: sqlite3.Connection | None = None

    def try_lock(self) -> bool:
        """Try to acquire the lock without waiting; return whether it is held."""
        if self._held is None:
            connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                # A plain BEGIN locks nothing yet; the query after it takes the shared lock.
                connection.execute("BEGIN" if self._shared else "BEGIN EXCLUSIVE")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:
                connection.close()
            else:
                self._held = connection
        return self._held is not None

    def release_lock(self) -> None:
        if self._held:
            self._held.close()
            self._held = None


class FileLockSet:
    """File locks, acquired all together or not at all. No notifications: the relevant writes are in this process."""

    is_responding = True
    """A local file always responds."""

    def __init__(self, *locks: FileLock) -> None:
        self._locks = locks

    async def try_acquire(self) -> bool:
        return await asyncio.to_thread(self._try_all)

    def _try_all(self) -> bool:
        if all(lock.try_lock() for lock in self._locks):
            return True
        self._release_all()
        return False

    def _release_all(self) -> None:
        for lock in self._locks:
            lock.release_lock()

    async def close(self) -> None:
        self._release_all()


def _gateway_locks(store: Path, shard_ids: Sequence[int] | None) -> list[FileLock]:
    """Return locks: one for all shards excludes every other; one for a single shard excludes the same shard and all."""
    if shard_ids is None:
        return [FileLock(_sibling_path(store, "gateway"))]
    single = [FileLock(_sibling_path(store, f"gateway-{shard_id}")) for shard_id in sorted(shard_ids)]
    return [FileLock(_sibling_path(store, "gateway"), shared=True), *single]


def _sibling_path(store: Path, name: str) -> Path:
    return store.with_name(f"{store.name}-{name}")


async def copy_database(url: str, target: Path) -> None:
    """Copy the database atomically with SQLite's online backup; it may be in use.

    Raises `OSError`, and `StoreError` if the copy fails its integrity check.
    """
    await asyncio.to_thread(_copy_online, str(make_url(url).database), target)


async def replace_database(copy: Path, url: str) -> Path | None:
    """Replace the database at `url` with a copy, atomically. No process may have it open.

    Returns where the former one is kept, if there was one. Raises `OSError`, and `StoreError` if the copy is not an
    intact Newsdesk database.
    """
    target = Path(str(make_url(url).database))
    _make_folder(str(target))
    await asyncio.to_thread(_reject_foreign, str(copy))
    return await asyncio.to_thread(_replace_file, copy, target)


def _replace_file(copy: Path, target: Path) -> Path | None:
    former = _unused_path(target) if target.is_file() else None
    _copy_online(str(copy), target, former)
    # It is made anew from the log, which has moved to the former file.
    Path(f"{target}-shm").unlink(missing_ok=True)
    return former


def _unused_path(target: Path) -> Path:
    """Return a name beside the file that nothing has yet: another restore must not lose what this one keeps."""
    names = (target.with_name(f"{target.name}.before-restore{end}") for end in chain([""], map("-{}".format, count(2))))
    return next(name for name in names if not name.exists())


def _keep_file(path: Path, former: Path) -> None:
    """Give the file a second name, and its log to that one: SQLite would replay it into the file that comes instead."""
    try:
        former.hardlink_to(path)
    except OSError:  # not every file system has hard links
        shutil.copy2(path, former)
    with suppress(FileNotFoundError):
        Path(f"{path}-wal").replace(f"{former}-wal")


def _copy_online(path: str, target: Path, former: Path | None = None) -> None:
    """Copy a database; `former` is where the file that is there before is kept."""
    # Written beside the target and renamed at the end, so half a copy never has its name.
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)
            # A file in WAL mode cannot be read from a read-only place without further files.
            copy.execute("PRAGMA journal_mode=DELETE")
            (state,) = copy.execute("PRAGMA integrity_check").fetchone()
        if state != "ok":
            raise StoreUnavailableError(
                f"The copy is damaged ({state}) and was not kept. Check the disk and the database."
            )
        if former:
            _keep_file(target, former)
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)


def _make_folder(path: str) -> None:
    try:
        Path(path).expanduser().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The database's folder {Path(path).parent} cannot be made: {error.strerror}.") from error


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK)


def _reject_foreign(path: str) -> None:
    """Raise `StoreError` for another program's file. Reads only: switching to WAL mode would already change it."""
    if not Path(path).exists():
        return
    try:
        with closing(sqlite3.connect(read_only_uri(Path(path)), uri=True, timeout=10)) as connection:
            # In this order: a process that is creating the tables sets the application ID in the same commit.
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        raise error_class(error)(f"{path} cannot be opened as a Newsdesk database: {error}.") from error
    if tables and owner != APPLICATION_ID:
        raise StoreError(f"{path} belongs to another program.", "Point {setting} at a file of its own.")


def _enable_wal(path: str) -> None:
    """Switch the file to WAL mode, which persists.

    If several processes do this to a new file at once, SQLite fails all but one with "database is locked" immediately,
    ignoring `busy_timeout` to avoid a deadlock. So retry here.
    """
    until = monotonic() + _PATIENCE
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
            while not _switch_to_wal(connection, until):
                sleep(_PAUSE)
    except sqlite3.DatabaseError as error:
        raise error_class(error)(f"{path} cannot be opened as a Newsdesk database: {error}.") from error


def _switch_to_wal(connection: sqlite3.Connection, until: float) -> bool:
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > until:
            raise
        return False
    return True


def _prepare_connection(connection: Any, _record: object) -> None:
    """Set up a new connection."""
    connection.isolation_level = None  # no implicit BEGIN by the driver: the store chooses the kind of lock
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
