"""The duty: one process has it at a time, and passes it on however it ends."""

from __future__ import annotations

import asyncio

import pytest

from bot.store import Store, open_store
from bot.store.engines import postgresql
from tests.support.stores import ask


def unheard() -> None:
    """For those who need not hear."""


async def test_one_has_it_and_the_next_gets_it_when_that_one_leaves(store: Store, database_url: str) -> None:
    async with open_store(database_url) as theirs, theirs.duty.stand(unheard) as other:
        async with store.duty.stand(unheard) as one:
            assert await one.look()
            assert not await other.look()
            assert await one.look()
        assert await other.look()


@pytest.mark.postgresql
async def test_one_whose_connection_is_cut_loses_it_and_stands_again(
    store: Store, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    rung: list[None] = []
    async with open_store(database_url) as theirs, theirs.duty.stand(unheard) as other:
        async with store.duty.stand(lambda: rung.append(None)) as one:
            assert await one.look()
            on_duty = f"FROM pg_locks WHERE locktype = 'advisory' AND objid = {postgresql._DUTY}"
            ask(database_url, f"SELECT pg_terminate_backend(pid) {on_duty}")
            assert await other.look()
            assert not await one.look()
            assert "The database does not respond" in caplog.text
            assert not await one.look()
            assert len(rung) == 2  # whoever was away may have missed something
        assert await other.look()


@pytest.mark.postgresql
async def test_whoever_stands_by_hears_what_others_write(store: Store, database_url: str) -> None:
    rung = asyncio.Event()
    async with open_store(database_url) as theirs, theirs.duty.stand(rung.set) as stand:
        await stand.look()
        rung.clear()
        await store.meta.set("a", "note is not heard")
        await asyncio.sleep(0.1)
        assert not rung.is_set()
        await store.deliveries.leave_all()
        async with asyncio.timeout(5):
            await rung.wait()


@pytest.mark.sqlite("several couriers share a server")
async def test_only_a_server_is_shared_by_couriers(store: Store) -> None:
    assert not store.duty.is_shared
