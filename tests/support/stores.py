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

from bot.store import open_store
from tests.support.postgres import VARIABLE

_SERVER = os.environ.get(VARIABLE)
ON_POSTGRESQL = _SERVER is not None
_Result = TypeVar("_Result")
_made: set[str] = set()


def new_database(path: Path) -> str:
    """Put an empty store at `path`, and give its address. All of them share the name that goes into nonces."""
    if ON_POSTGRESQL:
        _make(_name(path), template=_template())
    else:
        path.write_bytes(_empty())
    return url_of(path)


def no_database(path: Path) -> str:
    """The address of a store that nobody has opened yet."""
    if ON_POSTGRESQL and _name(path) not in _made:
        _make(_name(path))
    return url_of(path)


def url_of(path: Path) -> str:
    """The address of the store at `path`."""
    return _url(_name(path)) if ON_POSTGRESQL else f"sqlite+aiosqlite:///{path}"


@contextmanager
def swept() -> Iterator[None]:
    """Databases on the server that are made meanwhile go at the end."""
    before = set(_made)
    yield
    if gone := _made - before:
        _made.difference_update(gone)
        _say(*(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in gone))


def in_a_thread(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Done in a thread: the caller's own loop is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def ask(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """The rows that the last of these statements gives, asked past the store."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.partition(":///")[2])) as connection, connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]
    return in_a_thread(_asked(url, statements))


async def _asked(url: str, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        rows = [await connection.fetch(statement) for statement in statements]
        return [tuple(row) for row in rows[-1]]
    finally:
        await connection.close()


def _say(*statements: str) -> None:
    assert _SERVER
    ask(_SERVER, *statements)


def _make(name: str, template: str = "template0") -> None:
    _say(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    _made.add(name)


def _name(path: Path) -> str:
    return "t" + hashlib.blake2b(str(path).encode(), digest_size=12).hexdigest()


def _url(name: str) -> str:
    assert _SERVER
    return f"{_SERVER.rpartition('/')[0]}/{name}"


@functools.cache
def _template() -> str:
    """One for each process that runs tests."""
    name = f"empty{os.getpid()}"
    _say(f'CREATE DATABASE "{name}" TEMPLATE template0')
    in_a_thread(_opened(_url(name)))
    return name


@functools.cache
def _empty() -> bytes:
    with TemporaryDirectory() as place:
        path = Path(place) / "empty.db"
        in_a_thread(_opened(f"sqlite+aiosqlite:///{path}"))
        return path.read_bytes()


async def _opened(url: str) -> None:
    async with open_store(url):
        pass
