"""Feeds of servers in the store: whose they are, when they rest, and what a server has of them."""

from __future__ import annotations

from datetime import timedelta

from bot.cards.model import ParseResult, SourceItem
from bot.domain.feed import Feed, NewFeed
from bot.domain.feed_schedule import FeedState
from bot.domain.follows import Follow, FollowPolicy
from bot.store import Store
from bot.store.sources.feeds import FetchNote
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
