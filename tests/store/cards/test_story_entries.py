"""Lists show one entry a story: its newest card that the server sees and the filter matches. Pages turn alike."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple
from unittest.mock import patch

import pytest
from sqlalchemy import select, update

from bot.cards.model import Card, CardState, Provider
from bot.domain.moderation import Verdict
from bot.store import Store, open_store
from bot.store.cards import card_search
from bot.store.cards.card_query import CardPage, CardQuery, SearchOrder, TimelineCursor
from bot.store.database import Database, open_database
from bot.store.tables import cards, server_cards
from tests.support.cards import NOW, make_card, store_cards
from tests.support.follows import HERE, THERE, add_feed, decide, follow_feed, make_item, store_items

WORDS, TOPICS = ("comet", "moon", "probe"), ("Space", "AI")
QUERIES = (
    CardQuery("comet"),
    CardQuery("comet -moon"),
    CardQuery("com"),
    CardQuery("moon", topic="Space"),
    CardQuery(topic="AI", provider="NASA"),
    CardQuery("comet", since=NOW - timedelta(hours=30), until=NOW - timedelta(hours=8)),
)
EACH_SEED = pytest.mark.parametrize("seed", range(3))


class Stage(NamedTuple):
    """A store, and the story of each card in each server by card id."""

    store: Store
    database: Database

    async def stories_in(self, guild_id: int) -> dict[int, int]:
        async with self.database.begin_read() as connection:
            shared = dict((await connection.execute(select(cards.c.id, cards.c.story_id))).all())
            rows = select(server_cards.c.card_id, server_cards.c.story_id)
            own = dict((await connection.execute(rows.where(server_cards.c.guild_id == guild_id))).all())
        return {card_id: own.get(card_id) or story or card_id for card_id, story in shared.items()}


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with open_store(database_url) as store, open_database(database_url) as database:
        yield Stage(store, database)


async def fill_stage(stage: Stage, chance: random.Random) -> None:
    """Store cards of everybody, of a feed that one server follows and of one that both do, in random stories."""
    store = stage.store
    made = [make_random(chance, f"shared-{number}") for number in range(24)]
    shared = await store_cards(store, *made)
    own, both = await add_feed(store), await add_feed(store, "other")
    for guild_id, source_id in ((HERE, own), (HERE, both), (THERE, both)):
        await follow_feed(store, guild_id, source_id, topics=("AI",) if chance.random() < 0.5 else ())
    items = [
        await store_items(store, source_id, *(make_random(chance, f"{source_id}-{number}") for number in range(8)))
        for source_id in (own, both)
    ]
    for card_id in chance.sample(shared, 6):
        await decide(store, HERE, card_id, chance.choice([Verdict.PUBLISH, Verdict.WITHDRAW]))
    async with stage.database.begin_write() as connection:
        for card_id in shared:
            story = chance.choice([None, card_id, *shared[:4]])
            await connection.execute(update(cards).where(cards.c.id == card_id).values(story_id=story))
        for card_id in [each for some in items for each in some]:
            for guild_id in (HERE, THERE):
                row = (server_cards.c.card_id == card_id) & (server_cards.c.guild_id == guild_id)
                story = chance.choice([None, card_id, *shared[:3], *items[1][:2]])
                await connection.execute(update(server_cards).where(row).values(story_id=story))


def make_random(chance: random.Random, slug: str) -> Card:
    words = " ".join(chance.sample(WORDS, chance.randint(1, 3)))
    make = make_card if slug.startswith("shared") else make_item
    state = {"state": chance.choice([CardState.PUBLISHED] * 4 + [CardState.HELD])} if make is make_card else {}
    return make(
        slug,
        title=f"{words} {slug}",
        topics=tuple(chance.sample(TOPICS, chance.randint(0, 2))),
        provider=Provider(chance.choice(["NASA", "ESA"])),
        heat=chance.randint(0, 200),
        published_at=NOW - timedelta(minutes=chance.randint(1, 48 * 60)),
        **state,
    )


async def newest_of_each(stage: Stage, guild_id: int, every_card: CardPage) -> list[int]:
    """The expected list: of every card that the list has, newest first, the first of each story."""
    stories = await stage.stories_in(guild_id)
    found: dict[int, int] = {}
    for card in every_card.cards:
        found.setdefault(stories[card.id], card.id)
    return list(found.values())


Load = Callable[[TimelineCursor | None], Awaitable[CardPage]]


async def turn_pages(load: Load) -> tuple[list[int], list[int]]:
    """The ids of all pages, turned forth to the end and back to the beginning."""
    forth: list[int] = []
    page = last = await load(None)
    while page.cards:
        forth += [card.id for card in page.cards]
        last = page
        page = await load(TimelineCursor(page.cards[-1].sort_key))
    back = await turn_back(load, last)
    with patch.object(card_search, "FEW", 0):
        assert await turn_back(load, last) == back
    return forth, back


async def turn_back(load: Load, page: CardPage) -> list[int]:
    """The ids of this page and all before it."""
    ids: list[int] = []
    while page.cards:
        ids = [card.id for card in page.cards] + ids
        page = await load(TimelineCursor(page.cards[0].sort_key, newer=True))
    return ids


@EACH_SEED
async def test_lists_show_the_newest_card_of_each_story_and_pages_turn_alike(stage: Stage, seed: int) -> None:
    await fill_stage(stage, random.Random(seed))
    archive = stage.store.cards
    for guild_id in (HERE, THERE, 0):
        for topic in (None, "Space", "AI"):
            everything = await archive.list_latest(guild_id, topic=topic, limit=100, every_card=True)
            expected = await newest_of_each(stage, guild_id, everything)
            forth, back = await turn_pages(
                lambda cursor, guild_id=guild_id, topic=topic: archive.list_latest(  # type: ignore[misc]
                    guild_id, topic=topic, limit=3, cursor=cursor
                )
            )
            assert forth == back == expected


@pytest.mark.slow
@EACH_SEED
async def test_searches_show_the_newest_hit_of_each_story_in_every_order(stage: Stage, seed: int) -> None:
    await fill_stage(stage, random.Random(seed))
    archive = stage.store.cards
    for guild_id in (HERE, THERE):
        for query in QUERIES:
            expected = await newest_of_each(
                stage, guild_id, await archive.search_cards(replace(query, every_card=True), guild_id, limit=100)
            )
            forth, back = await turn_pages(
                lambda cursor, guild_id=guild_id, query=query: archive.search_cards(  # type: ignore[misc]
                    query, guild_id, limit=3, cursor=cursor
                )
            )
            assert forth == back == expected
            page = await archive.search_cards(query, guild_id, limit=1)
            assert await archive.count_hits(page, limit=3) == min(3, len(expected))
            for order in (SearchOrder.BEST, SearchOrder.HOTTEST):
                ranked = replace(query, order=order)
                pages = [await archive.search_cards(ranked, guild_id, limit=4, offset=at) for at in range(0, 48, 4)]
                assert sorted(card.id for page in pages for card in page.cards) == sorted(expected)


async def test_of_best_matches_a_story_ranks_by_the_best_of_its_cards(stage: Stage) -> None:
    where = [("Rain", "A comet"), ("Comet", ""), ("Snow", "A comet"), ("Comet again", ""), ("Old comet", "")]
    made = [
        make_card(f"c{number}", title=title, excerpt=excerpt, published_at=NOW - timedelta(hours=number))
        for number, (title, excerpt) in enumerate(where)
    ]
    newest, titled, alone, *_ = ids = await store_cards(stage.store, *made)
    async with stage.database.begin_write() as connection:
        for card_id, story in zip(ids, (newest, newest, alone, newest, newest), strict=True):
            await connection.execute(update(cards).where(cards.c.id == card_id).values(story_id=story))

    async def list_best(limit: int, offset: int = 0, *, every_card: bool = False) -> list[int]:
        query = CardQuery("comet", order=SearchOrder.BEST, every_card=every_card)
        page = await stage.store.cards.search_cards(query, HERE, limit=limit, offset=offset)
        assert await stage.store.cards.count_hits(page, limit=9) == (len(ids) if every_card else 2)
        return [card.id for card in page.cards]

    assert await list_best(9) == [titled, alone]
    assert await list_best(1) + await list_best(1, 1) == [titled, alone]
    assert await list_best(9, every_card=True) == [titled, *ids[3:], newest, alone]


async def test_a_long_story_leaves_room_for_others(stage: Stage) -> None:
    made = [
        make_card(f"c{number}", title=f"Comet {number}", published_at=NOW - timedelta(minutes=number))
        for number in range(60)
    ]
    ids = await store_cards(stage.store, *made)
    async with stage.database.begin_write() as connection:
        await connection.execute(update(cards).values(story_id=cards.c.id))
        await connection.execute(update(cards).where(cards.c.id.in_(ids[:50])).values(story_id=ids[0]))
    for order in SearchOrder:
        page = await stage.store.cards.search_cards(CardQuery("comet", order=order), HERE, limit=5)
        assert [card.id for card in page.cards] == [ids[0], *ids[50:54]]
        assert await stage.store.cards.count_hits(page, limit=20) == 11
