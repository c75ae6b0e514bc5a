"""Feeds of servers in the store: whose they are, when they rest, and what a server has of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from bot.cards.model import ParseResult, SourceItem
from bot.domain.feed import Feed, NewFeed
from bot.domain.feed_schedule import FeedState
from bot.domain.follows import Follow, FollowPolicy
from bot.store import Store
from bot.store.sources.feeds import FetchNote
from bot.worker.server_feeds import FollowResult, ServerFeeds
from tests.support.follows import make_item
from tests.support.stage import NOW

DAY = timedelta(days=1)


def new_feed(name: str) -> NewFeed:
    return NewFeed(f"https://{name}.example/feed", name.title())


async def add_followed(store: Store, name: str = "a", guild_id: int = 1) -> Feed:
    feed = (await store.feeds.add_followed([new_feed(name)], NOW))[new_feed(name).url]
    await store.cards.follows.follow_source(Follow(guild_id, feed.source_id, FollowPolicy.PUBLISH, NOW, 3))
    return feed


async def mark_read(store: Store, feed: Feed) -> None:
    state = FeedState(next_fetch_at=NOW + DAY)
    await store.feeds.note_results([FetchNote(feed.source_id, state, is_read=True)], NOW)


async def count_due(store: Store) -> int:
    return len(await store.feeds.fetch_due(NOW, 10))


async def test_a_feed_of_servers_is_nobody_elses(store: Store) -> None:
    feed = await add_followed(store)
    assert not feed.is_shared
    assert await store.feeds.list_feeds() == []
    assert await store.feeds.fetch_feeds([feed.source_id, 999]) == [feed]
    assert await count_due(store) == 1


async def test_what_is_everybodys_stays_so(store: Store) -> None:
    await store.feeds.add_feeds([new_feed("a")], NOW)
    (feed,) = (await store.feeds.add_followed([new_feed("a")], NOW)).values()
    assert feed.is_shared
    assert not await store.feeds.rest_unfollowed(feed.source_id, NOW)


async def test_a_second_server_changes_nothing_about_a_feed(store: Store) -> None:
    feed = await add_followed(store)
    await mark_read(store, feed)
    again = await add_followed(store, guild_id=2)
    assert again.source_id == feed.source_id
    assert await count_due(store) == 0


async def test_a_feed_rests_when_its_last_server_leaves_and_then_begins_anew(store: Store) -> None:
    feed = await add_followed(store)
    await add_followed(store, guild_id=2)
    await mark_read(store, feed)
    await store.cards.follows.unfollow_source(1, feed.source_id, NOW, keep_posts=True)
    assert not await store.feeds.rest_unfollowed(feed.source_id, NOW)
    await store.cards.follows.unfollow_source(2, feed.source_id, NOW, keep_posts=True)
    assert await store.feeds.rest_unfollowed(feed.source_id, NOW)
    assert await store.feeds.fetch_due(NOW + 2 * DAY, 10) == []
    await add_followed(store)
    (found,) = await store.feeds.fetch_due(NOW, 10)
    assert found.read_at is None, "what came meanwhile is backlog"


async def test_a_server_counts_and_finds_its_own_cards(store: Store) -> None:
    feed = await add_followed(store)
    other = await add_followed(store, "b", guild_id=2)
    assert await store.feeds.fetch_newest_cards(1, feed.source_id, 2) is None
    await mark_read(store, feed)
    times = {f"c{days}": NOW - days * DAY for days in (3, 9, 1, 2)}
    batch = [(SourceItem(slug, ""), ParseResult(make_item(slug, published_at=at))) for slug, at in times.items()]
    await store.cards.importer.import_batch(feed.source_id, batch, vanished=(), now=NOW, withdraw=True)
    newest = await store.feeds.fetch_newest_cards(1, feed.source_id, 2)
    assert newest is not None
    cards = [await store.cards.get_card(card_id, 1) for card_id in newest]
    assert [each.card.slug for each in cards if each] == ["c2", "c1"]
    assert await store.feeds.count_weekly_cards(1, NOW) == {feed.source_id: 3}
    assert await store.feeds.count_weekly_cards(2, NOW) == {}
    await mark_read(store, other)
    assert await store.feeds.fetch_newest_cards(2, other.source_id, 2) == []


async def move_feed(store: Store, feed: Feed, url: str) -> None:
    """As after three permanent redirects."""
    await store.feeds.note_results([FetchNote(feed.source_id, FeedState(next_fetch_at=NOW + DAY), url=url)], NOW)


@pytest.mark.parametrize("is_known", [False, True])
async def test_a_feed_that_moves_to_anothers_address_is_not_found_there(store: Store, is_known: bool) -> None:
    hostile = await add_followed(store, "hostile")
    known = await add_followed(store, "paper", guild_id=2) if is_known else None
    await move_feed(store, hostile, new_feed("paper").url)
    paper = await add_followed(store, "paper", guild_id=3)
    assert paper.source_id != hostile.source_id
    assert known is None or paper.source_id == known.source_id
    assert [feed.source_id for feed in await store.feeds.find_feeds([paper.url])] == [paper.source_id]
    await store.feeds.apply_list([new_feed("paper")], NOW)
    assert [feed.source_id for feed in await store.feeds.list_feeds()] == [paper.source_id]


async def test_a_feed_whose_address_is_written_another_way_is_the_same(store: Store) -> None:
    (feed,) = (await store.feeds.add_followed([NewFeed("http://www.a.example/feed")], NOW)).values()
    await move_feed(store, feed, "https://a.example/feed/")
    (same,) = (await store.feeds.add_followed([NewFeed("https://a.example/feed/")], NOW)).values()
    assert same.source_id == feed.source_id


async def test_a_server_knows_its_own_feed_by_the_address_to_which_it_moved(store: Store) -> None:
    feed = await add_followed(store)
    await move_feed(store, feed, new_feed("b").url)
    feeds = ServerFeeds(store, cast("Any", None), lambda: NOW, most=5)
    follow = Follow(1, 0, FollowPolicy.PUBLISH, NOW, 3)
    assert await feeds.follow_feeds([new_feed("b")], follow) == FollowResult(known=1)
    assert await feeds.follow_feeds([new_feed("b")], replace(follow, guild_id=2)) == FollowResult(added=1)
