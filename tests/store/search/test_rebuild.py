"""The full-text index is rebuilt beside other work: after an upgrade, and when a folder's language changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cards.model import CardState, SourceKind
from bot.store import Store, open_store
from bot.store.cards import search_rebuild
from bot.store.cards.card_query import CardQuery
from bot.worker.search_index import rebuild_search_index
from tests.support.cards import make_card, make_older, store_cards
from tests.support.follows import add_feed, follow_feed, make_item, store_items
from tests.support.stores import new_database, query_database

FOLDER = "/cards"


async def search_slugs(store: Store, words: str, guild_id: int = 1) -> list[str]:
    page = await store.cards.search_cards(CardQuery(words), guild_id, limit=50)
    return [stored.card.slug for stored in page.cards]


async def empty_index(url: str) -> None:
    """Leave the store as an upgrade does."""
    query_database(
        url,
        "DELETE FROM card_search",
        "DELETE FROM card_search_followed",
        "DELETE FROM known_words",
        "DELETE FROM search_languages",
        f"INSERT INTO key_values (key, value) VALUES ('{search_rebuild.REBUILD}', '{2**63 - 1}')",
    )


async def test_an_empty_index_is_filled_newest_first_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_rebuild, "_AT_ONCE", 2)
    url = new_database(tmp_path / "newsdesk.db")
    async with open_store(url) as store:
        await store_cards(store, *(make_older(make_card(f"c{n}", title=f"Comets {n}"), hours=n) for n in range(5)))
        await store_cards(store, make_card("gone", title="Comets gone", state=CardState.WITHDRAWN))
    await empty_index(url)
    async with open_store(url) as store:
        assert await store.cards.index_rebuild.count_remaining() == 6
        assert await search_slugs(store, "comet") == []
        assert await store.cards.index_rebuild.rebuild_batch() == 2
        assert await search_slugs(store, "comet") == ["c0", "c1"]
    async with open_store(url) as store:
        await store_cards(store, make_card("new", title="A new comet"), make_card("c0", title="No more"))
        assert await store.cards.index_rebuild.rebuild_all() == 3
        assert await store.cards.index_rebuild.count_remaining() == 0
        assert await store.cards.index_rebuild.rebuild_batch() == 0
        assert sorted(await search_slugs(store, "comet")) == ["c1", "c2", "c3", "c4", "new"]
        meant = await store.cards.spelling.suggest_query(CardQuery("cmoets"), 1)
        assert meant
        assert meant.words == "comets"


async def test_the_background_work_stops_when_it_is_no_longer_the_leader(store: Store) -> None:
    await store_cards(store, make_card("moon"))
    async with store.cards.importer._begin_write() as connection:
        await search_rebuild.request_rebuild(connection)
    await rebuild_search_index(store.cards.index_rebuild, lambda: False)
    assert await store.cards.index_rebuild.count_remaining() == 1
    await rebuild_search_index(store.cards.index_rebuild, lambda: True)
    assert await store.cards.index_rebuild.count_remaining() == 0
    await rebuild_search_index(store.cards.index_rebuild, lambda: True)
    assert await search_slugs(store, "moon") == ["moon"]


async def test_another_language_of_a_folder_indexes_its_cards_again(store: Store) -> None:
    importer = store.cards.importer
    await store_cards(store, make_card("houses", title="Haus am Hang"))
    assert await search_slugs(store, "häuser") == []
    source_id = await importer.ensure_source(SourceKind.FOLDER, FOLDER, language="en-GB")
    assert await store.cards.index_rebuild.count_remaining() == 0
    assert await importer.ensure_source(SourceKind.FOLDER, FOLDER, language="de") == source_id
    assert await importer.ensure_source(SourceKind.FOLDER, FOLDER, language="de") == source_id
    assert await store.cards.index_rebuild.rebuild_all() == 1
    assert await search_slugs(store, "häuser") == ["houses"]
    assert await search_slugs(store, "hang Haeuser") == ["houses"]


async def test_a_feed_is_indexed_in_its_own_language_and_asked_in_it_by_its_followers(tmp_path: Path) -> None:
    url = new_database(tmp_path / "newsdesk.db")
    async with open_store(url) as store:
        source_id = await add_feed(store)
        await follow_feed(store, 1, source_id)
    texts = (
        "url",
        "host",
        "title",
        "site",
        "etag",
        "last_modified",
        "body_hash",
        "content_kind",
        "problem",
        "moved_to",
    )
    columns = ", ".join((*texts, "moved_on", "policy", "topics", "quality", "is_listed", "language", "source_id"))
    values = "'', " * len(texts) + f"'', 'publish', '[]', 50, false, 'fr-CA', {source_id}"
    query_database(url, f"INSERT INTO feeds ({columns}) VALUES ({values})")
    async with open_store(url) as store:
        await store_items(store, source_id, make_item("papers", title="Les journaux de Québec"))
        await store_cards(store, make_card("ours", title="A journal"))
        assert sorted(await search_slugs(store, "journal")) == ["ours", "papers"]
        assert await search_slugs(store, "journal", guild_id=2) == ["ours"]
        # "journaux" has its stem in French alone, which the other server does not ask for.
        assert sorted(await search_slugs(store, "journaux")) == ["ours", "papers"]
        assert await search_slugs(store, "journaux", guild_id=2) == []
