"""A feed that servers follow becomes everybody's: nobody loses a card, and no channel gets one twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState, ParseResult, SourceItem
from bot.domain.feed import Feed, FeedOptions, NewFeed
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.moderation import DecisionSource
from bot.store import Store
from bot.store.cards.card_query import CardQuery
from bot.store.cards.name_counts import TopicCount
from bot.store.moderation.audit_log import AuditFilter, AuditSubject, ModerationAct
from bot.store.sources import share_source
from bot.store.sources.feeds import ListChanges
from tests.support.cards import NOW, make_card, store_cards
from tests.support.follows import HERE, LATER, LONG_AGO, THERE, list_slugs, make_item, plan, post_due, subscribe

FEED = NewFeed("https://a.example/feed", "A", FeedOptions(quality=70))


async def follow(store: Store, guild_id: int = HERE, policy: FollowPolicy = FollowPolicy.PUBLISH) -> Feed:
    feed = (await store.feeds.add_followed([NewFeed(FEED.url)], NOW))[FEED.url]
    given = Follow(guild_id, feed.source_id, policy, LONG_AGO, 5, topics=("Given",))
    assert await store.cards.follows.follow_source(given)
    return feed


async def store_item(store: Store, feed: Feed, slug: str, *, title: str = "", is_backlog: bool = False) -> None:
    item = make_item(slug, title=title or f"The {slug} {slug}s", topics=("Space",), aliases=(f"a.example/{slug}",))
    batch = [(SourceItem(slug, title), ParseResult(item))]
    await store.cards.importer.import_batch(
        feed.source_id, batch, vanished=(), now=NOW, withdraw=True, is_backlog=is_backlog
    )


async def share(store: Store, *, by_hand: bool = False) -> int:
    if by_hand:
        return await store.feeds.add_feeds([FEED], LATER)
    return (await store.feeds.apply_list([FEED], LATER)).added


async def list_log(store: Store, guild_id: int) -> list[tuple[str, AuditSubject]]:
    page = await store.moderation.audit_log.get_page(guild_id, AuditFilter(), limit=9)
    return [(entry.title, entry.subject) for entry in page.entries]


@pytest.mark.slow
@pytest.mark.parametrize("by_hand", [True, False])
async def test_the_cards_are_everybodys_and_nothing_is_posted_again(store: Store, *, by_hand: bool) -> None:
    feed = await follow(store)
    await subscribe(store, HERE, 10)
    await subscribe(store, THERE, 20)
    await store_item(store, feed, "old", is_backlog=True)
    await store_item(store, feed, "posted")
    await plan(store)
    assert await post_due(store, 10) == [("post", ("posted",))]
    assert await share(store, by_hand=by_hand) == 1
    await store.cards.importer.recount_names()
    await plan(store, LATER)
    for guild_id, channel_id in ((HERE, 10), (THERE, 20), (3, 30)):
        assert await post_due(store, channel_id, LATER) == []
        assert sorted(await list_slugs(store, guild_id)) == ["old", "posted"]
        assert len((await store.cards.list_latest(guild_id, topic="Space", limit=9)).cards) == 2
        found = await store.cards.search_cards(CardQuery("posted", topic="space"), guild_id, limit=9)
        assert [each.card.slug for each in found.cards] == ["posted"]
        assert [each.card.slug for each in await store.cards.complete_cards("post", guild_id, limit=9)] == ["posted"]
        assert await store.cards.list_topics(guild_id, limit=9) == [TopicCount("Space", 2)]
    assert await store.cards.follows.list_follows(HERE) == []
    (now_shared,) = await store.feeds.list_feeds()
    assert (now_shared.source_id, now_shared.options, now_shared.is_listed) == (
        feed.source_id,
        FEED.options,
        not by_hand,
    )
    assert await share(store, by_hand=by_hand) == 0
    assert await store.feeds.apply_list([FEED], LATER) == ListChanges()


async def test_news_comes_to_all_and_edits_reach_what_was_posted(store: Store) -> None:
    feed = await follow(store)
    await subscribe(store, HERE, 10)
    await subscribe(store, THERE, 20)
    await store_item(store, feed, "posted")
    await plan(store)
    await post_due(store, 10)
    await share(store)
    published = make_item("posted", title="Edited", state=CardState.PUBLISHED)
    new = make_item("new", title="Quite another matter", state=CardState.PUBLISHED)
    batch = [(SourceItem(card.slug, "2"), ParseResult(card)) for card in (published, new)]
    await store.cards.importer.import_batch(feed.source_id, batch, vanished=(), now=LATER, withdraw=True)
    await plan(store, LATER)
    assert sorted(await post_due(store, 10, LATER)) == [("edit", ("posted",)), ("post", ("new",))]
    assert await post_due(store, 20, LATER) == [("post", ("new",))]


async def test_what_waits_for_a_plan_is_not_lost(store: Store) -> None:
    feed = await follow(store)
    await subscribe(store, HERE, 10)
    await subscribe(store, THERE, 20)
    await store_item(store, feed, "waiting")
    await share(store)
    await plan(store)
    assert await post_due(store, 10) == [("post", ("waiting",))]
    assert await post_due(store, 20) == []
    found = await store.outbox.candidates.load_pool([HERE, THERE], NOW - timedelta(hours=1), LONG_AGO)
    assert [(card.arrived_at, card.quality) for card in found.for_guild(HERE)] == [(NOW, 70)]
    assert all(card.arrived_at < LONG_AGO for card in found.for_guild(THERE)), "it is no news there"


async def test_a_story_that_was_posted_is_not_posted_by_another_card(store: Store) -> None:
    feed = await follow(store)
    await subscribe(store, HERE, 10)
    await store_item(store, feed, "posted")
    await plan(store)
    await post_due(store, 10)
    await share(store)
    await store_cards(store, make_card("same", aliases=("a.example/posted",)))
    await plan(store, LATER)
    assert [way for way, _ in await post_due(store, 10, LATER)] != ["post"]


async def test_what_the_operator_holds_is_held_and_posts_stay(store: Store) -> None:
    feed = await follow(store)
    await subscribe(store, HERE, 10)
    await store_item(store, feed, "posted")
    await plan(store)
    await post_due(store, 10)
    held = NewFeed(FEED.url, options=FeedOptions(policy=FollowPolicy.REVIEW))
    assert (await store.feeds.apply_list([held], LATER)).added == 1
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == []
    assert await list_slugs(store, HERE) == ["posted"], "it was news there"
    assert await list_slugs(store, THERE) == []


async def test_the_log_of_each_server_that_followed_it_says_so_and_it_is_no_decision(store: Store) -> None:
    feed = await follow(store)
    await follow(store, THERE)
    await store_item(store, feed, "card")
    await share(store)
    assert [await list_log(store, guild_id) for guild_id in (HERE, THERE, 3)] == [
        [("a.example", AuditSubject.FEED)],
        [("a.example", AuditSubject.FEED)],
        [],
    ]
    log = store.moderation.audit_log
    (entry,) = (await log.get_page(HERE, AuditFilter(), limit=9)).entries
    assert await log.get_last(HERE, entry.card_id) is None
    assert await log.get_last_own(HERE, entry.card_id) is None
    act = ModerationAct(9, LATER, DecisionSource.BUTTON)
    assert await store.moderation.decisions.undo_entry(HERE, entry.id, act) is None


async def test_a_feed_that_rests_because_nobody_follows_it_starts_again(store: Store) -> None:
    feed = await follow(store)
    await store_item(store, feed, "card")
    await store.cards.follows.unfollow_source(HERE, feed.source_id, NOW, keep_posts=True)
    assert await store.feeds.rest_unfollowed(feed.source_id, NOW)
    assert await share(store) == 1
    assert [each.source_id for each in await store.feeds.fetch_due(LATER, 9)] == [feed.source_id]
    assert await list_slugs(store, THERE) == ["card"]


async def test_many_cards_are_shared_in_parts_and_a_kill_in_between_loses_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.sources.share_source._AT_ONCE", 2)
    feed = await follow(store)
    for number in range(5):
        await store_item(store, feed, f"card-{number}")
    share_some = share_source._share_some
    calls: list[int] = []

    async def die_later(connection: AsyncConnection, source_id: int, *args: Any) -> bool:
        calls.append(source_id)
        if len(calls) == 2:
            raise OSError("killed")
        return await share_some(connection, source_id, *args)

    monkeypatch.setattr(share_source, "_share_some", die_later)
    with pytest.raises(OSError, match="killed"):
        await share(store)
    assert len(await list_slugs(store, HERE)) == 5
    assert len((await store.cards.search_cards(CardQuery("the"), HERE, limit=9)).cards) == 5
    assert await list_log(store, HERE) == []
    assert await share(store) == 1
    assert await list_log(store, HERE) == [("a.example", AuditSubject.FEED)]
    assert len(await list_slugs(store, THERE)) == 5
    assert len((await store.cards.search_cards(CardQuery("the"), THERE, limit=9)).cards) == 5
