"""Cards of followed sources have a full-text index of their own, and are listed with everybody's by time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cards.model import Provider
from bot.store import Store, open_store
from bot.store.cards.card_query import CardQuery, SearchOrder, TimelineCursor
from bot.store.cards.search_rebuild import REBUILD
from bot.store.search.entry import build_entry, make_tag
from tests.support.cards import make_card, make_older, store_cards
from tests.support.follows import add_feed, follow_feed, make_item, store_items
from tests.support.stores import new_database, query_database

HOURS = 8
BY_TIME = [f"{'item' if hours % 2 else 'card'}-{hours}" for hours in range(HOURS)]


async def store_in_turn(store: Store) -> None:
    """Store a card of everybody's and one of a feed in turn, an hour apart."""
    made = {"topics": ("Space",), "provider": Provider("NASA")}
    feed = await add_feed(store)
    await follow_feed(store, 1, feed)
    for hours, slug in enumerate(BY_TIME):
        make = make_item if hours % 2 else make_card
        card = make_older(make(slug, title=f"Comet {hours}", **made), hours=hours)
        await (store_items(store, feed, card) if hours % 2 else store_cards(store, card))


async def find_slugs(store: Store, query: CardQuery, guild_id: int = 1) -> list[str]:
    page = await store.cards.search_cards(query, guild_id, limit=HOURS)
    return [stored.card.slug for stored in page.cards]


@pytest.mark.parametrize("limit", [1, 3, 8])
async def test_pages_turn_through_both_by_time_in_both_directions(store: Store, limit: int) -> None:
    await store_in_turn(store)
    query = CardQuery("comet", topic="Space")
    page = await store.cards.search_cards(query, 1, limit=limit)
    seen = [*page.cards]
    while page.has_older:
        page = await store.cards.search_cards(query, 1, limit=limit, cursor=TimelineCursor(seen[-1].sort_key))
        seen += page.cards
    assert [stored.card.slug for stored in seen] == BY_TIME
    back = [seen[-1]]
    while True:
        cursor = TimelineCursor(back[0].sort_key, newer=True)
        page = await store.cards.search_cards(query, 1, limit=limit, cursor=cursor)
        back = [*page.cards, *back]
        if not page.has_newer:
            break
    assert [stored.card.slug for stored in back] == BY_TIME


@pytest.mark.parametrize("order", SearchOrder)
@pytest.mark.parametrize(
    "query",
    [
        CardQuery("comet"),
        CardQuery("comet", topic="space"),
        CardQuery(topic="space", provider="nasa", type="article"),
        CardQuery("comet", provider="nasa"),
        CardQuery("comet -moon", topic="space"),
    ],
)
async def test_filters_hold_for_both_and_only_where_a_source_is_followed(
    store: Store, query: CardQuery, order: SearchOrder
) -> None:
    await store_in_turn(store)
    query = CardQuery(query.words, topic=query.topic, provider=query.provider, type=query.type, order=order)
    assert sorted(await find_slugs(store, query)) == sorted(BY_TIME)
    assert sorted(await find_slugs(store, query, guild_id=2)) == sorted(BY_TIME[::2])


async def test_a_filter_of_the_other_source_finds_nothing(store: Store) -> None:
    await store_in_turn(store)
    other = await add_feed(store, "other")
    await follow_feed(store, 1, other)
    await store_items(store, other, make_item("moon", title="Moon", topics=("Moon",)))
    assert await find_slugs(store, CardQuery("comet", topic="Moon")) == []
    assert await find_slugs(store, CardQuery(topic="Moon")) == ["moon"]


def test_a_followed_card_has_its_tags_also_within_its_source() -> None:
    card = make_card("c", topics=("Space",))
    shared, followed = build_entry(card, "", "en"), build_entry(card, "s7", "en")
    assert make_tag("topic", "Space") in shared.tags
    assert list(followed.tags) == ["s7", *shared.tags, *(f"s7{tag}" for tag in shared.tags)]


async def test_cards_are_found_once_before_and_while_they_move_to_their_index(tmp_path: Path) -> None:
    url = new_database(tmp_path / "newsdesk.db")
    async with open_store(url) as store:
        await store_in_turn(store)
    columns = (
        "sort_key, words" if url.startswith("postgresql") else "rowid, title, excerpt, names, related, stems, tags"
    )
    # As before there was an index of its own for them.
    query_database(
        url,
        f"INSERT INTO card_search ({columns}) SELECT {columns} FROM card_search_followed",
        "DELETE FROM card_search_followed",
        f"INSERT INTO key_values (key, value) VALUES ('{REBUILD}', '{2**63 - 1}')",
    )
    query = CardQuery("comet", topic="Space")
    async with open_store(url) as store:
        assert await find_slugs(store, query) == BY_TIME
        assert await find_slugs(store, query, guild_id=2) == BY_TIME[::2]
        assert await store.cards.index_rebuild.rebuild_all() == HOURS
        assert await find_slugs(store, query) == BY_TIME
    assert query_database(url, "SELECT count(*) FROM card_search") == [(HOURS // 2,)]
    assert query_database(url, "SELECT count(*) FROM card_search_followed") == [(HOURS // 2,)]
