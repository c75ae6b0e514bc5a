"""Connections that run a statement and fetch its first rows in one call of their thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from bot.store.database import open_database
from bot.store.engines.sqlite_connection import Connection
from tests.support.polling import PATIENCE
from tests.support.stores import new_database

COUNT = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT :rows) SELECT i FROM n")
SIZES = (0, 1, 199, 200, 201, 400, 1000)

pytestmark = pytest.mark.sqlite("its connections")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return new_database(tmp_path / "newsdesk.db")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the threads of connections are called, by function."""
    counts: Counter[str] = Counter()
    run = Connection.run_in_thread

    async def count(self: Connection, call: object, *values: object) -> object:
        counts[getattr(call, "__name__", "")] += 1
        return await run(self, call, *values)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "run_in_thread", count)
    return counts


@pytest.mark.parametrize("rows", SIZES)
async def test_all_rows_come_whatever_their_number(url: str, rows: int) -> None:
    expected = list(range(1, rows + 1)) or [1][:rows]
    async with open_database(url) as database, database.begin_read() as connection:
        assert (await connection.execute(COUNT, {"rows": rows})).scalars().all() == expected
        batches = await connection.stream(COUNT, {"rows": rows}, execution_options={"yield_per": 30})
        assert [each async for each in batches.scalars()] == expected


@pytest.mark.parametrize(("rows", "expected"), [(1, 1), (199, 1), (200, 2), (5000, 2)])
async def test_a_short_result_takes_one_call_and_a_long_one_two(
    url: str, rows: int, expected: int, calls: Counter[str]
) -> None:
    async with open_database(url) as database, database.begin_autocommit() as connection:
        calls.clear()
        await connection.execute(COUNT, {"rows": rows})
        assert calls.total() == expected


async def test_a_stream_that_is_left_early_lets_others_write_and_checkpoint(url: str) -> None:
    async with open_database(url) as database:
        async with database.begin_read() as connection:
            stream = await connection.stream(COUNT, {"rows": 1000}, execution_options={"yield_per": 30})
            assert [await anext(stream.scalars()) for _ in range(2)]
            await stream.close()
        async with database.begin_write() as connection:
            await connection.exec_driver_sql("CREATE TABLE later (i INTEGER PRIMARY KEY)")
        async with database.begin_autocommit() as connection:
            result = await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            assert result.one()[0] == 0


async def test_many_rows_are_written_and_counted(url: str) -> None:
    async with open_database(url) as database:
        async with database.begin_write() as connection:
            await connection.exec_driver_sql("CREATE TABLE numbers (i INTEGER PRIMARY KEY)")
            await connection.execute(text("INSERT INTO numbers VALUES (:i)"), [{"i": each} for each in range(300)])
            deleted = await connection.execute(text("DELETE FROM numbers WHERE i < 100"))
            assert deleted.rowcount == 100
            with pytest.raises(IntegrityError):
                await connection.execute(text("INSERT INTO numbers VALUES (200)"))
        with pytest.raises(OperationalError):
            async with database.begin_read() as connection:
                await connection.execute(text("SELECT nothing FROM nowhere"))
        async with database.begin_autocommit() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM numbers"))).scalar_one() == 200


async def test_a_task_that_is_cancelled_in_a_transaction_leaves_none_behind(url: str) -> None:
    slow = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT max(i) FROM n")

    async with open_database(url) as database:

        async def write_slowly() -> None:
            async with database.begin_write() as connection:
                await connection.exec_driver_sql("CREATE TABLE unfinished (i INTEGER)")
                await connection.execute(slow)

        for _ in range(6):  # more than there are connections
            task = asyncio.create_task(write_slowly())
            await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with database.begin_write() as connection:
            await connection.exec_driver_sql("CREATE TABLE unfinished (i INTEGER)")


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_connection_that_is_stopped_while_it_closes_ends(tmp_path: Path, is_cancelled: bool) -> None:
    connection = await Connection(f"file:{tmp_path / 'newsdesk.db'}")
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)  # now it waits for the thread
    connection.stop()
    if is_cancelled:
        closing.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([closing])
    assert closing.cancelled() is is_cancelled
    await connection.close()
