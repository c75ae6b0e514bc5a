"""What page buttons need is kept under a short key and forgotten when nobody turns a page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot.store import Store, open_store
from bot.store.database import open_database
from bot.store.listings import KEPT, Listings
from tests.support.cards import NOW

REQUEST = {"kind": "search", "words": "größe \ud800", "topic": None, "since": 12}


async def test_a_request_is_recalled_under_one_short_key_also_after_a_restart(store: Store, database_url: str) -> None:
    key = store.listings.keep(REQUEST, NOW)
    assert len(key) == 12
    assert store.listings.keep(dict(reversed(REQUEST.items())), NOW) == key
    assert store.listings.keep(REQUEST | {"words": "x"}, NOW) != key
    await store.listings.settle()
    async with open_store(database_url) as again:
        assert await again.listings.recall(key) == REQUEST


async def test_an_unknown_key_recalls_nothing(store: Store) -> None:
    assert await store.listings.recall("unknown") is None


async def test_a_list_is_forgotten_ninety_days_after_it_was_last_used(store: Store) -> None:
    used, unused = store.listings.keep({"a": 1}, NOW), store.listings.keep({"b": 1}, NOW)
    await store.listings.settle()
    store.listings.keep({"a": 1}, NOW + KEPT)
    await store.listings.settle()
    await store.listings.forget_old(NOW + KEPT)
    assert await store.listings.recall(unused)
    await store.listings.forget_old(NOW + KEPT + timedelta(seconds=1))
    assert (await store.listings.recall(used), await store.listings.recall(unused)) == ({"a": 1}, None)


@pytest.mark.sqlite("its plans")
async def test_neither_showing_nor_forgetting_a_list_reads_those_that_stay(database_url: str, store: Store) -> None:
    """Somebody waits for each list that is shown: its cost must not grow with all that were shown in 90 days."""
    changes: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: Any) -> None:
        if "listings" in statement:
            changes.append((statement, tuple(values)))

    async with open_database(database_url) as database:
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        listings = Listings(database)
        key = listings.keep(REQUEST, NOW)
        await listings.settle()
        await listings.recall(key)
        assert not [statement for statement, _ in changes if statement.startswith("DELETE")]
        await listings.forget_old(NOW)
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        async with database.read() as connection:
            plans = [
                step
                for statement, values in changes
                for *_, step in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
    assert any("ix_listings_used_at" in step for step in plans)
    assert not [step for step in plans if step.startswith("SCAN")]
