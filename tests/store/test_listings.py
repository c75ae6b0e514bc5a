"""What page buttons need is kept under a short key and forgotten when nobody turns a page."""

from __future__ import annotations

from datetime import timedelta

from bot.store import Store, open_store
from bot.store.listings import KEPT
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
    assert await store.listings.recall(unused)
    store.listings.keep({"c": 1}, NOW + KEPT + timedelta(seconds=1))
    assert (await store.listings.recall(used), await store.listings.recall(unused)) == ({"a": 1}, None)
