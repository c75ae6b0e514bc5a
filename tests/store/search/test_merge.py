"""The segments of the full-text index of a file are merged beside other work."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.store import Store, open_store
from bot.store.cards.card_query import CardQuery
from bot.worker.search_index import merge_search_index
from tests.support.cards import make_card, store_cards
from tests.support.edits import edit_card
from tests.support.follows import add_feed, follow_feed, import_items, make_item
from tests.support.stores import new_database, query_database

pytestmark = pytest.mark.sqlite("segments of a file")
INDEXES = ("card_search", "card_search_followed", "card_search_edits")
FOUND = {"a", "b", "c", "a-item", "b-item", "c-item"}


def count_segments(url: str) -> list[int]:
    return [query_database(url, f"SELECT count(DISTINCT segid) FROM {name}_idx")[0][0] for name in INDEXES]


async def find_slugs(store: Store) -> set[str]:
    page = await store.cards.search_cards(CardQuery("comet"), 1, limit=9)
    return {stored.card.slug for stored in page.cards}


async def test_segments_become_one_and_are_found_as_before(tmp_path: Path) -> None:
    url = new_database(tmp_path / "newsdesk.db")
    async with open_store(url) as store:
        feed = await add_feed(store)
        await follow_feed(store, 1, feed)
        for slug in ("a", "b", "c"):
            await store_cards(store, make_card(slug, title="Comets"))
            await import_items(store, feed, make_item(f"{slug}-item", title="Comets"))
            stored = await store.cards.get_by_slug(slug, 1)
            assert stored
            await edit_card(store, 1, stored.id, excerpt=f"The comet {slug}")
        before = count_segments(url)
        assert min(before) > 1
        await merge_search_index(store.cards.index_merge, lambda: False)
        assert count_segments(url) == before
        await merge_search_index(store.cards.index_merge, lambda: True)
        assert count_segments(url) == [1, 1, 1]
        assert not await store.cards.index_merge.merge_batch()
        assert await find_slugs(store) == FOUND
        await store_cards(store, make_card("d", title="Comets"))
        assert await find_slugs(store) == {*FOUND, "d"}
    for name in INDEXES:
        query_database(url, f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")
