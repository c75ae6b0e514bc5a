"""Heat by the publishers of a story, among what each server sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.cards.model import Card, CardState, Provider
from bot.domain.moderation import Verdict
from bot.store import Store
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.store.cards.plan_scope import PlanScope
from bot.store.cards.story_coverage import refresh_coverage
from bot.store.database import open_database
from bot.store.tables import story_coverage
from tests.support.cards import NOW, make_card, store_cards
from tests.support.follows import (
    HERE,
    LATER,
    LONG_AGO,
    THERE,
    add_feed,
    decide,
    follow_feed,
    make_item,
    plan,
    store_items,
)
from tests.support.plans import record_queries

HEADLINE = "Comet Halley nears planet Earth tonight"


def report(publisher: str, **changes: Any) -> dict[str, Any]:
    return {
        "title": HEADLINE,
        "provider": Provider(publisher),
        "url": f"https://{publisher}.example/1",
        "aliases": (f"{publisher}.example/1",),
    } | changes


def item(publisher: str, **changes: Any) -> Card:
    return make_item(publisher, **report(publisher, **changes))


def shared(publisher: str, **changes: Any) -> Card:
    return make_card(publisher, **report(publisher, **{"quality": 50} | changes))


async def heats(store: Store, guild_id: int) -> dict[str, int | None]:
    """The heat of each card that the server sees, in a list and, the same, in its digests."""
    page = await store.cards.list_latest(guild_id, limit=50, every_card=True)
    listed = {stored.card.slug: stored.card.heat for stored in page.cards}
    pool = await store.outbox.candidates.load_pool([HERE, THERE], LONG_AGO, LONG_AGO)
    ids = {stored.id: stored.card.slug for stored in page.cards}
    assert {ids[each.card_id]: each.heat for each in pool.for_guild(guild_id)} == listed
    hottest = await store.cards.search_cards(
        CardQuery("comet", order=SearchOrder.HOTTEST, every_card=True), guild_id, limit=50
    )
    scores = [stored.card.heat or 0 for stored in hottest.cards]
    assert scores == sorted(scores, reverse=True)
    spans = await store.cards.trends.count_spans(guild_id, None, LONG_AGO, LATER)
    assert sum(span.heat for span in spans) == sum(filter(None, listed.values()))
    return listed


async def test_each_server_counts_the_publishers_that_it_sees(store: Store) -> None:
    one, two = await add_feed(store), await add_feed(store, "other")
    await follow_feed(store, HERE, one, quality=60)
    await follow_feed(store, HERE, two)
    await follow_feed(store, THERE, one)
    await store_cards(store, shared("nasa"), shared("scored", heat=7))
    await store_items(store, one, item("blog"))
    await store_items(store, two, item("paper"), item("nasa-copy", provider=Provider("NASA")))
    await plan(store)
    assert await heats(store, HERE) == {"nasa": 110, "scored": 7, "blog": 120, "paper": 110, "nasa-copy": 110}
    assert await heats(store, THERE) == {"nasa": 90, "scored": 7, "blog": 90}
    assert await heats(store, 3) == {"nasa": 70, "scored": 7}


async def test_a_story_cools_as_its_publishers_leave(store: Store) -> None:
    one, two = await add_feed(store), await add_feed(store, "other")
    for feed in (one, two):
        await follow_feed(store, HERE, feed)
    await store_cards(store, shared("nasa"), shared("esa"))
    await store_items(store, one, item("blog"))
    (paper,) = await store_items(store, two, item("paper"))
    await plan(store)
    assert set((await heats(store, HERE)).values()) == {110}
    await decide(store, HERE, paper, Verdict.WITHDRAW)
    await plan(store, LATER)
    assert await heats(store, HERE) == {"nasa": 90, "esa": 90, "blog": 90}
    await store.cards.follows.unfollow_source(HERE, one, LATER, keep_posts=True)
    assert (await store.outbox.planner.find_due(LATER)).cards
    await plan(store, LATER)
    assert await heats(store, HERE) == {"nasa": 70, "esa": 70}
    await store_cards(store, shared("esa", state=CardState.WITHDRAWN), now=LATER)
    await plan(store, LATER)
    assert await heats(store, HERE) == {"nasa": 50}
    assert not (await store.outbox.planner.find_due(LATER)).cards


async def test_a_card_with_another_title_leaves_its_story_cooler(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed)
    await store_cards(store, shared("nasa"), shared("esa"), shared("jaxa"))
    await store_items(store, feed, item("blog"))
    await plan(store)
    assert set((await heats(store, HERE)).values()) == {110}
    other = "Leaders meet in Paris about trade tariffs"
    await store_cards(store, shared("nasa", title=other), now=LATER)
    await store_items(store, feed, item("blog", title=other), now=LATER)
    await plan(store, LATER)
    assert await heats(store, HERE) == {"nasa": 70, "esa": 70, "jaxa": 70, "blog": 70}


async def test_a_decision_of_one_server_counts_there_alone(store: Store) -> None:
    nasa, esa = await store_cards(store, shared("nasa"), shared("esa", state=CardState.HELD))
    await plan(store)
    await decide(store, HERE, esa, Verdict.PUBLISH)
    await store.outbox.planner.plan_cards([esa], HERE, NOW, timedelta(days=14))
    assert await heats(store, HERE) == {"nasa": 70, "esa": 70}
    assert await heats(store, THERE) == {"nasa": 50}
    await plan(store)
    await decide(store, HERE, nasa, Verdict.WITHDRAW)
    await plan(store)
    assert await heats(store, HERE) == {"esa": 50}
    assert await heats(store, THERE) == {"nasa": 50}


async def test_a_copied_text_covers_nothing(store: Store) -> None:
    text = "The comet will pass at a distance of some four million kilometres, an agency reports."
    cards = [replace(shared(name), excerpt=text) for name in ("agency", "paper", "blog")]
    await store_cards(store, *cards, shared("nasa"))
    await plan(store)
    assert set((await heats(store, HERE)).values()) == {70}


async def test_servers_that_see_the_same_cost_no_query_each(store: Store, database_url: str) -> None:
    one, two = await add_feed(store), await add_feed(store, "other")
    counts = []
    async with open_database(database_url) as database:
        for guild_id in range(1, 31):
            for feed in (one, two):
                await follow_feed(store, guild_id, feed)
            if guild_id not in (3, 30):
                continue
            title = f"{HEADLINE} by {guild_id} observers"
            await store_items(store, one, item(f"blog-{guild_id}", title=title))
            await store_items(store, two, item(f"paper-{guild_id}", title=title))
            while await store.cards.stories.assign_pending():
                pass
            async with database.begin_write() as connection:
                with record_queries(database.engine) as queries:
                    assert len(await refresh_coverage(connection, PlanScope(), NOW)) == 1
            counts.append(len(queries))
            await plan(store)
    assert counts[0] == counts[1]


async def test_numbers_go_with_the_cards_that_a_server_no_longer_has(store: Store, database_url: str) -> None:
    one, two = await add_feed(store), await add_feed(store, "other")
    for feed in (one, two):
        await follow_feed(store, HERE, feed)
    await store_items(store, one, item("blog"))
    await store_items(store, two, item("paper"))
    await plan(store)
    async with open_database(database_url) as database:
        for days, kept in ((89, [(HERE, 2)]), (91, [])):
            await store.cards.follows.delete_unused(NOW + timedelta(days=days))
            async with database.begin_read() as connection:
                query = select(story_coverage.c.guild_id, story_coverage.c.publishers)
                assert (await connection.execute(query)).all() == kept
