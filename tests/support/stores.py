"""New databases for tests: copies of one that was migrated once, since migrating takes longer than most tests do."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.store import open_store


def new_database(path: Path) -> str:
    """Put an empty store at `path`, and give its address. All of them share the name that goes into nonces."""
    path.write_bytes(_empty())
    return url_of(path)


def url_of(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@functools.cache
def _empty() -> bytes:
    """Made in a thread: the caller's own loop is running."""
    with TemporaryDirectory() as place, ThreadPoolExecutor(1) as thread:
        path = Path(place) / "empty.db"
        thread.submit(asyncio.run, _made(path)).result()
        return path.read_bytes()


async def _made(path: Path) -> None:
    async with open_store(url_of(path)):
        pass
