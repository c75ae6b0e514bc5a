"""New databases for tests: copies of one that was migrated once, since migrating takes longer than most tests do.

They are SQLite's files, or on the server that `tests.support.postgres` started, named after where the file would be.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import sqlite3
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Dialect, event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store import migrate, open_store
from bot.store.database import Database
from bot.store.engines import sqlite as sqlite_engine
from bot.store.tables import subscriptions
from tests.support.postgres import VARIABLE

_SERVER = os.environ.get(VARIABLE)
ON_POSTGRESQL = _SERVER is not None
_Result = TypeVar("_Result")
_made: set[str] = set()


def new_database(path: Path) -> str:
    """Put an empty store at `path`, and give its address. All of them share the name that goes into nonces."""
    if ON_POSTGRESQL:
        _create_database(_database_name(path), template=_template_name())
    else:
        path.write_bytes(_empty_database())
    return url_of(path)


def no_database(path: Path) -> str:
    """The address of a store that nobody has opened yet."""
    if ON_POSTGRESQL and _database_name(path) not in _made:
        _create_database(_database_name(path))
    return url_of(path)


def url_of(path: Path) -> str:
    """The address of the store at `path`."""
    return _database_url(_database_name(path)) if ON_POSTGRESQL else f"sqlite+aiosqlite:///{path}"


@contextmanager
def drop_databases() -> Iterator[None]:
    """Databases on the server that are made meanwhile go at the end."""
    before = set(_made)
    yield
    if gone := _made - before:
        _made.difference_update(gone)
        _execute(*(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in gone))


@contextmanager
def share_compiled_statements() -> Iterator[None]:
    """Compile SQLite's statements once a process: engines come and go with the tests, and each would do so anew."""
    dialects: list[Dialect] = []
    cache: dict[Any, Any] = {}

    def create_engine(url: str, **options: Any) -> AsyncEngine:
        engine = create_async_engine(url, connect_args={"check_same_thread": False}, **options)
        # The cache's keys hold the dialect, which has to have seen a connection before others use it.
        if dialects:
            engine.sync_engine.dialect = dialects[0]
        else:
            event.listen(engine.sync_engine, "connect", lambda *_: dialects.append(engine.dialect), once=True)
        engine.update_execution_options(compiled_cache=cache)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_engine, "create_async_engine", create_engine)
        yield


@contextmanager
def record_migrations() -> Iterator[None]:
    """Run the migrations of a new SQLite database once a process; for later ones only repeat their statements."""
    run_migrations = migrate._upgrade_from
    recorded: list[tuple[str, Any]] = []

    def upgrade(current: str | None, connection: Connection) -> None:
        if current is not None or connection.dialect.name != "sqlite":
            run_migrations(current, connection)
        elif recorded:
            for statement, parameters in recorded:
                connection.exec_driver_sql(statement, parameters)
        else:
            statements: list[tuple[str, Any]] = []

            def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
                statements.append((statement, parameters))

            event.listen(connection, "before_cursor_execute", note)
            run_migrations(current, connection)
            event.remove(connection, "before_cursor_execute", note)
            recorded.extend(statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "_upgrade_from", upgrade)
        yield


def run_in_thread(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Done in a thread: the caller's own loop is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def store_zone(database: Database, subscription_id: int, zone: str) -> None:
    """Write a subscription's time zone past all checks, as another machine may have done that knows it."""
    async with database.begin_write() as connection:
        row = subscriptions.c.id == subscription_id
        options = (await connection.execute(select(subscriptions.c.options).where(row))).scalar_one()
        changed = options | {"timezone": zone}
        await connection.execute(update(subscriptions).where(row).values(options=changed))


def query_database(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """The rows that the last of these statements gives, without the store in between."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.partition(":///")[2])) as connection, connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]
    return run_in_thread(_run_query(url, statements))


async def _run_query(url: str, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        rows = [await connection.fetch(statement) for statement in statements]
        return [tuple(row) for row in rows[-1]]
    finally:
        await connection.close()


def _execute(*statements: str) -> None:
    assert _SERVER
    query_database(_SERVER, *statements)


def _create_database(name: str, template: str = "template0") -> None:
    _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    _made.add(name)


def _database_name(path: Path) -> str:
    return "t" + hashlib.blake2b(str(path).encode(), digest_size=12).hexdigest()


def _database_url(name: str) -> str:
    assert _SERVER
    return f"{_SERVER.rpartition('/')[0]}/{name}"


@functools.cache
def _template_name() -> str:
    """One for each process that runs tests."""
    name = f"empty{os.getpid()}"
    _execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    run_in_thread(_open_and_close(_database_url(name)))
    return name


@functools.cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as place:
        path = Path(place) / "empty.db"
        run_in_thread(_open_and_close(f"sqlite+aiosqlite:///{path}"))
        return path.read_bytes()


async def _open_and_close(url: str) -> None:
    async with open_store(url):
        pass
