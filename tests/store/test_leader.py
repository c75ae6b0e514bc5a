"""Leadership: one process has it at a time, and passes it on however it ends."""

from __future__ import annotations

import asyncio

import pytest

from bot.store import Store, open_store
from bot.store.engines import postgresql
from tests.support.polling import PATIENCE
from tests.support.stores import query_database


def ignore_notify() -> None:
    """For those that need no notification."""


async def test_one_has_it_and_the_next_gets_it_when_that_one_leaves(store: Store, database_url: str) -> None:
    async with open_store(database_url) as theirs, theirs.leader.leader_lock(ignore_notify) as other:
        async with store.leader.leader_lock(ignore_notify) as one:
            assert await one.try_acquire()
            assert not await other.try_acquire()
            assert await one.try_acquire()
        assert await other.try_acquire()


@pytest.mark.postgresql
async def test_one_whose_connection_is_cut_loses_it_and_stands_again(
    store: Store, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    rung: list[None] = []
    async with open_store(database_url) as theirs, theirs.leader.leader_lock(ignore_notify) as other:
        async with store.leader.leader_lock(lambda: rung.append(None)) as one:
            assert await one.try_acquire()
            is_leader = f"FROM pg_locks WHERE locktype = 'advisory' AND objid = {postgresql._LEADER_LOCK}"
            query_database(database_url, f"SELECT pg_terminate_backend(pid) {is_leader}")
            assert await other.try_acquire()
            assert not await one.try_acquire()
            assert "The database does not respond" in caplog.text
            assert not await one.try_acquire()
            assert len(rung) == 2  # a process that was away may have missed something
        assert await other.try_acquire()


@pytest.mark.postgresql
async def test_whoever_stands_by_hears_what_others_write(store: Store, database_url: str) -> None:
    rung = asyncio.Event()
    async with open_store(database_url) as theirs, theirs.leader.leader_lock(rung.set) as lock:
        await lock.try_acquire()
        rung.clear()
        await store.key_values.set_value("a", "a note without a listener")
        await asyncio.sleep(0.1)
        assert not rung.is_set()
        await store.outbox.queue.release_all()
        async with asyncio.timeout(PATIENCE):
            await rung.wait()


@pytest.mark.sqlite("several couriers share a server")
async def test_only_a_server_is_shared_by_couriers(store: Store) -> None:
    assert not store.leader.is_shared
