"""Stories of followed cards: of each server alone, and with everybody's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.cards.model import Card, Provider
from bot.domain.follows import FollowPolicy
from bot.domain.moderation import Verdict
from bot.domain.publishers import identify_publisher
from bot.store import Store
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.follows import (
    HERE,
    LATER,
    LONG_AGO,
    THERE,
    add_feed,
    decide,
    follow_feed,
    list_slugs,
    make_item,
    plan,
    post_due,
    store_items,
    subscribe,
)

HEADLINE = "Comet Halley nears planet Earth tonight"


def tell(slug: str, **changes: Any) -> Card:
    """An item of the one story, at an address of its own."""
    return make_item(slug, **({"title": HEADLINE} | changes))


async def two_feeds(store: Store, policy: FollowPolicy = FollowPolicy.PUBLISH) -> tuple[int, int]:
    feeds = await add_feed(store), await add_feed(store, "other")
    for feed in feeds:
        await follow_feed(store, HERE, feed, policy)
    await subscribe(store, HERE, 10)
    return feeds


async def test_two_feeds_of_a_server_make_one_post_of_a_story(store: Store) -> None:
    one, two = await two_feeds(store)
    await follow_feed(store, THERE, two)
    await subscribe(store, THERE, 20)
    await store_items(store, one, tell("one"))
    await plan(store)
    assert await post_due(store, 10) == [("post", ("one",))]
    await store_items(store, two, tell("two"), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == [("edit", ("one", "two"))]
    assert await post_due(store, 20, LATER) == [("post", ("two",))]


async def test_an_item_joins_the_post_of_everybodys_card(store: Store) -> None:
    feed, _ = await two_feeds(store)
    await store_cards(store, make_card("shared", title=HEADLINE))
    await plan(store)
    assert await post_due(store, 10) == [("post", ("shared",))]
    await store_items(store, feed, tell("one"), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == [("edit", ("shared", "one"))]


async def test_everybodys_card_takes_the_items_of_its_story(store: Store) -> None:
    one, two = await two_feeds(store)
    await store_items(store, one, tell("one"))
    await store_items(store, two, tell("two"))
    await plan(store)
    assert await post_due(store, 10) == [("post", ("one", "two"))]
    await store_cards(store, make_card("shared", title=HEADLINE), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == [("edit", ("one", "two", "shared"))]


async def test_a_server_that_does_not_follow_them_gets_everybodys_card_as_if_they_were_not_there(store: Store) -> None:
    feed, _ = await two_feeds(store)
    await subscribe(store, 3, 30)
    await store_items(store, feed, tell("one"), tell("copy"))
    await plan(store)
    (first,) = await store_cards(store, make_card("shared", title=HEADLINE), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 30, LATER) == [("post", ("shared",))]
    pool = await store.outbox.candidates.load_pool([3], LONG_AGO, LONG_AGO)
    assert [(each.card_id, each.story_id) for each in pool.for_guild(3)] == [(first, first)]


async def test_a_digest_knows_the_story_that_a_channel_has_got_from_a_feed(store: Store) -> None:
    one, two = await two_feeds(store)
    (first,) = await store_items(store, one, tell("one"))
    await plan(store)
    await store_items(store, two, tell("two"))
    await plan(store)
    pool = await store.outbox.candidates.load_pool([HERE, THERE], LONG_AGO, LONG_AGO)
    assert {each.story_id for each in pool.for_guild(HERE)} == {first}
    delivered = await store.outbox.candidates.load_delivered([10, 20], pool)
    assert first in delivered[10].stories
    assert 20 not in delivered


@pytest.mark.parametrize(
    ("provider", "address", "covers"),
    [
        (Provider("Other"), "https://other.example/2", True),
        (Provider("Blog"), "https://other.example/2", False),
        (Provider("Other"), "https://www.blog.example/2", False),
        (Provider("Other", "amp.blog.example"), "https://other.example/2", False),
        (None, None, False),
    ],
)
async def test_a_second_publisher_brings_out_what_waits_for_one(
    store: Store, provider: Provider | None, address: str | None, covers: bool
) -> None:
    one, two = await two_feeds(store, FollowPolicy.COVERED)
    await store_items(store, one, tell("one", provider=Provider("Blog"), url="https://blog.example/1"))
    await plan(store)
    assert await list_slugs(store, HERE) == []
    other = tell("two", provider=provider, url=address)
    (card_id,) = await store_items(store, two, other, now=LATER)
    await plan(store, LATER)
    assert sorted(await list_slugs(store, HERE)) == (["one", "two"] if covers else [])
    assert await post_due(store, 10, LATER) == ([("post", ("one", "two"))] if covers else [])
    await decide(store, HERE, card_id, Verdict.WITHDRAW)
    await plan(store, LATER)
    assert await list_slugs(store, HERE) == (["one"] if covers else [])


@pytest.mark.parametrize("archived_first", [True, False])
async def test_an_archived_card_brings_out_what_waits_for_a_second_publisher(
    store: Store, *, archived_first: bool
) -> None:
    waiting, archived = await add_feed(store), await add_feed(store, "other")
    await follow_feed(store, HERE, waiting, FollowPolicy.COVERED)
    await follow_feed(store, HERE, archived, FollowPolicy.ARCHIVE)
    await subscribe(store, HERE, 10)
    items = [
        (waiting, tell("waiting", provider=Provider("Blog"), url="https://blog.example/1")),
        (archived, tell("archived", provider=Provider("NASA"), url="https://nasa.example/1")),
    ]
    for feed, item in reversed(items) if archived_first else items:
        await store_items(store, feed, item)
        await plan(store)
    assert sorted(await list_slugs(store, HERE)) == ["archived", "waiting"]
    ((kind, slugs),) = await post_due(store, 10)
    assert (kind, "waiting" in slugs) == ("post", True)


async def test_everybodys_card_covers_an_item_and_a_hidden_one_does_not(store: Store) -> None:
    feed = await add_feed(store)
    for guild in (HERE, THERE):
        await follow_feed(store, guild, feed, FollowPolicy.COVERED)
    await subscribe(store, HERE, 10)
    await store_items(store, feed, tell("one", provider=Provider("Blog")))
    await plan(store)
    shared = make_card("shared", title=HEADLINE, provider=Provider("NASA"), url="https://nasa.example/")
    (card_id,) = await store_cards(store, shared, now=LATER)
    await decide(store, THERE, card_id, Verdict.WITHDRAW)
    await plan(store, LATER)
    assert sorted(await list_slugs(store, HERE)) == ["one", "shared"]
    assert await list_slugs(store, THERE) == []


def test_a_publisher_is_known_by_its_name_and_by_its_hosts() -> None:
    card = make_card(provider=Provider("NASA  News", "www.nasa.example"), url="https://m.feeds.nasa.example/x")
    assert identify_publisher(card) == ("nasa news", "nasa.example")
    assert identify_publisher(make_card(url=None)) == ()


async def test_a_series_with_one_headline_makes_a_post_each_day(store: Store) -> None:
    feed, _ = await two_feeds(store)
    for day in range(3):
        now = NOW + timedelta(days=4 * day)
        await store_items(store, feed, make_older(tell(f"day-{day}", published_at=now)), now=now)
        await plan(store, now)
        assert await post_due(store, 10, now) == [("post", (f"day-{day}",))]
