"""What page buttons need is kept under a short key and forgotten when nobody turns a page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot.store import Store, open_store
from bot.store.database import open_database
from bot.store.list_requests import RETENTION, ListRequests
from tests.support.cards import NOW

REQUEST = {"kind": "search", "words": "größe \ud800", "topic": None, "since": 12}


async def test_a_request_is_recalled_under_one_short_key_also_after_a_restart(store: Store, database_url: str) -> None:
    key = store.list_requests.save_request(REQUEST, NOW)
    assert len(key) == 12
    assert store.list_requests.save_request(dict(reversed(REQUEST.items())), NOW) == key
    assert store.list_requests.save_request(REQUEST | {"words": "x"}, NOW) != key
    await store.list_requests.wait_for_writes()
    async with open_store(database_url) as again:
        assert await again.list_requests.load_request(key) == REQUEST


async def test_an_unknown_key_recalls_nothing(store: Store) -> None:
    assert await store.list_requests.load_request("unknown") is None


async def test_a_list_is_forgotten_ninety_days_after_it_was_last_used(store: Store) -> None:
    used, unused = store.list_requests.save_request({"a": 1}, NOW), store.list_requests.save_request({"b": 1}, NOW)
    await store.list_requests.wait_for_writes()
    store.list_requests.save_request({"a": 1}, NOW + RETENTION)
    await store.list_requests.wait_for_writes()
    await store.list_requests.delete_old(NOW + RETENTION)
    assert await store.list_requests.load_request(unused)
    await store.list_requests.delete_old(NOW + RETENTION + timedelta(seconds=1))
    assert (await store.list_requests.load_request(used), await store.list_requests.load_request(unused)) == (
        {"a": 1},
        None,
    )


@pytest.mark.sqlite("its plans")
async def test_neither_showing_nor_forgetting_a_list_reads_those_that_stay(database_url: str, store: Store) -> None:
    """Somebody waits for each list that is shown: its cost must not grow with all that were shown in 90 days."""
    changes: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: Any) -> None:
        if "list_requests" in statement:
            changes.append((statement, tuple(values)))

    async with open_database(database_url) as database:
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        listings = ListRequests(database)
        key = listings.save_request(REQUEST, NOW)
        await listings.wait_for_writes()
        await listings.load_request(key)
        assert not [statement for statement, _ in changes if statement.startswith("DELETE")]
        await listings.delete_old(NOW)
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        async with database.begin_read() as connection:
            plans = [
                step
                for statement, values in changes
                for *_, step in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
    assert any("ix_list_requests_used_at" in step for step in plans)
    assert not [step for step in plans if step.startswith("SCAN")]
