"""Closing the store while something still reads from it."""

from __future__ import annotations

import asyncio
import gc
import warnings
from pathlib import Path

import pytest

from bot.store.database import Database, open_database


@pytest.mark.sqlite("its driver has a thread for each connection, which only closing it ends")
async def test_no_connection_outlives_the_store(tmp_path: Path) -> None:
    holds, is_over = asyncio.Event(), asyncio.Event()

    async def read_on(database: Database) -> None:
        async with database.begin_read():
            holds.set()
            await is_over.wait()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}") as database:
            reading = asyncio.create_task(read_on(database))
            await holds.wait()
        is_over.set()
        await asyncio.wait([reading])
        del database, reading
        gc.collect()
