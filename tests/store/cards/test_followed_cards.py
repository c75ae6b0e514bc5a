"""Whose a card is: cards of a followed source are in the servers that follow it, and no trace of them elsewhere."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from bot.cards.model import ParseResult, SourceItem
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.moderation import EVERYWHERE, Verdict
from bot.domain.quiet_hours import QuietHours
from bot.store import Store
from bot.store.cards.card_query import CardQuery, SearchOrder, TimelineCursor
from bot.store.cards.name_counts import TopicCount
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from bot.store.sources.unused_cards import Retention
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.edits import edit_card
from tests.support.follows import (
    HERE,
    LATER,
    LONG_AGO,
    MAX_AGE,
    THERE,
    add_everybodys,
    add_feed,
    add_own,
    decide,
    follow_feed,
    list_slugs,
    make_item,
    plan,
    post_due,
    store_items,
    subscribe,
)

MEMBER = 7


async def test_a_feed_is_read_like_everybodys_cards_by_who_follows_it(store: Store) -> None:
    await add_everybodys(store)
    await add_own(store)
    archive = store.cards
    assert await list_slugs(store, HERE) == ["comet", "shared", "moon", "old"]
    assert await list_slugs(store, THERE) == ["shared", "moon"]
    of_topic = (await archive.list_latest(HERE, topic="space", limit=9)).cards
    assert [stored.card.slug for stored in of_topic] == ["comet", "shared", "moon", "old"]
    for order in SearchOrder:
        found = await archive.search_cards(CardQuery("comet", topic="Space", order=order), HERE, limit=9)
        assert {stored.card.slug for stored in found.cards} == {"comet", "shared", "old"}
        found = await archive.search_cards(CardQuery("comet", order=order), THERE, limit=9)
        assert [stored.card.slug for stored in found.cards] == ["shared"]
    assert await archive.list_topics(HERE, "sp", limit=5) == [TopicCount("Space", 4)]
    assert await archive.list_topics(THERE, "sp", limit=5) == [TopicCount("Space", 2)]
    assert await archive.list_providers(HERE, limit=5) == [TopicCount("Blog", 2), TopicCount("NASA", 1)]
    assert await archive.list_providers(THERE, limit=5) == [TopicCount("NASA", 1)]
    assert [each.count for each in await archive.trends.count_topics(HERE, LATER, limit=1)] == [4]
    spans = await archive.trends.count_spans(HERE, "space", NOW - timedelta(hours=3), LATER)
    assert sum(each.cards for each in spans) == 1
    corrected = await archive.spelling.suggest_query(CardQuery("talle"), HERE)
    assert corrected
    assert corrected.words == "tale"
    assert await archive.spelling.suggest_query(CardQuery("talle"), THERE) is None


async def test_pages_of_a_list_meet_no_gap_and_nothing_twice(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed)
    for hour in range(6):
        await store_cards(store, make_older(make_card(f"shared-{hour}"), hours=hour))
        await store_items(store, feed, make_older(make_item(f"own-{hour}"), hours=hour, minutes=30))
    everything = await list_slugs(store, HERE)
    assert len(everything) == 12
    pages, cursor = [], None
    while True:
        page = await store.cards.list_latest(HERE, limit=5, cursor=cursor)
        pages.append(page)
        if not page.has_older:
            break
        cursor = TimelineCursor(page.cards[-1].sort_key)
    assert [stored.card.slug for page in pages for stored in page.cards] == everything
    back = await store.cards.list_latest(HERE, limit=5, cursor=TimelineCursor(pages[1].cards[0].sort_key, newer=True))
    assert back.cards == pages[0].cards


@pytest.mark.parametrize(
    ("policy", "visible", "posted", "waiting"),
    [
        (FollowPolicy.PUBLISH, True, True, False),
        (FollowPolicy.REVIEW, False, False, True),
        (FollowPolicy.COVERED, False, False, True),
        (FollowPolicy.ARCHIVE, True, False, False),
    ],
)
async def test_the_policy_in_force_decides_what_becomes_of_a_new_card(
    store: Store, policy: FollowPolicy, visible: bool, posted: bool, waiting: bool
) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed, policy)
    await follow_feed(store, THERE, feed, FollowPolicy.PUBLISH)
    await store_items(store, feed, make_item("item"))
    await subscribe(store, HERE, 10)
    await subscribe(store, THERE, 20)
    await store.cards.follows.edit_follow(Follow(HERE, feed, FollowPolicy.PUBLISH, LONG_AGO, 5))
    await plan(store)
    assert await list_slugs(store, HERE) == (["item"] if visible else [])
    assert await post_due(store, 10) == ([("post", ("item",))] if posted else [])
    assert await post_due(store, 20) == [("post", ("item",))]
    queue = await store.moderation.queue.get_page(HERE, QueueFilters(), limit=9, offset=0)
    assert [each.card.card.slug for each in queue.waiting] == (["item"] if waiting else [])
    assert queue.total == len(queue.waiting)
    pool = await store.outbox.candidates.load_pool([HERE], LONG_AGO, LONG_AGO)
    assert len(pool.for_guild(HERE)) == posted


@pytest.mark.parametrize("policy", FollowPolicy)
async def test_what_was_there_before_the_follow_is_never_posted_by_itself(store: Store, policy: FollowPolicy) -> None:
    feed = await add_feed(store)
    (card_id,) = await store_items(store, feed, make_item("old"))
    await follow_feed(store, HERE, feed, policy, followed_at=NOW)
    await subscribe(store, HERE, 10)
    await store.moderation.reviews.set_channel(HERE, 11, 5, NOW, MAX_AGE)
    await plan(store)
    await store_items(store, feed, make_item("old", title="An edited title"), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == []
    assert await post_due(store, 11, LATER) == []
    held = policy is FollowPolicy.REVIEW
    assert await list_slugs(store, HERE) == ([] if held else ["old"])
    backlog = await store.moderation.queue.get_page(HERE, QueueFilters(is_backlog=True), limit=9, offset=0)
    assert (backlog.total, len(backlog.waiting)) == (held, held)
    await decide(store, HERE, card_id, Verdict.PUBLISH)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == [("post", ("old",))]


async def test_only_the_newest_backlog_is_taken_over(store: Store) -> None:
    feed = await add_feed(store)
    await store_items(store, feed, make_older(make_item("ancient"), days=91), make_older(make_item("recent"), days=89))
    await follow_feed(store, HERE, feed, followed_at=NOW)
    assert await list_slugs(store, HERE) == ["recent"]


async def test_an_edit_reaches_the_posts_of_all_servers_and_a_new_date_none(store: Store) -> None:
    feed = await add_feed(store)
    for guild, channel in ((HERE, 10), (THERE, 20)):
        await follow_feed(store, guild, feed)
        await subscribe(store, guild, channel)
    (card_id,) = await store_items(store, feed, make_item("item"))
    await plan(store)
    for channel in (10, 20):
        assert await post_due(store, channel) == [("post", ("item",))]
    await store_items(store, feed, make_item("item", published_at=LATER), now=LATER)
    assert await plan(store, LATER) == 0
    assert await post_due(store, 10, LATER) == []
    stored = await store.cards.get_card(card_id, HERE)
    assert stored
    assert stored.card.published_at == make_item("item").published_at
    await store_items(store, feed, make_item("item", title="An edited title"), now=LATER)
    await plan(store, LATER)
    for channel in (10, 20):
        assert await post_due(store, channel, LATER) == [("edit", ("item",))]


async def test_a_decision_holds_in_its_server_alone(store: Store) -> None:
    feed = await add_feed(store)
    for guild, channel in ((HERE, 10), (THERE, 20)):
        await follow_feed(store, guild, feed, FollowPolicy.REVIEW)
        await subscribe(store, guild, channel)
    (card_id,) = await store_items(store, feed, make_item("item"))
    await plan(store)
    await decide(store, HERE, card_id, Verdict.PUBLISH)
    assert await store.outbox.planner.plan_cards([card_id], HERE, NOW, MAX_AGE) == 1
    await plan(store)
    assert await post_due(store, 10) == [("post", ("item",))]
    assert await post_due(store, 20) == []
    await decide(store, HERE, card_id, Verdict.WITHDRAW, Verdict.PUBLISH)
    await plan(store)
    assert await post_due(store, 10) == [("retract", ())]
    await decide(store, EVERYWHERE, card_id, Verdict.WITHDRAW)
    assert await store.cards.get_card(card_id, 3, hidden=True) is None
    assert (await store.moderation.audit_log.get_page(3, AuditFilter(), limit=9)).entries == ()


async def test_filters_of_a_subscription_see_what_the_server_says_of_the_feed(store: Store) -> None:
    feed, other = await add_feed(store), await add_feed(store, "other")
    await follow_feed(store, HERE, feed, topics=("Space",), quality=80)
    await follow_feed(store, HERE, other, quality=20)
    await subscribe(store, HERE, 10, topics=("Space",))
    await subscribe(store, HERE, 11, min_quality=50)
    await subscribe(store, HERE, 12, topics=("Moon",))
    await store_items(store, feed, make_item("one"))
    await store_items(store, other, make_item("two", topics=("Moon",)))
    await plan(store)
    posted = {channel: await post_due(store, channel) for channel in (10, 11, 12)}
    assert posted == {10: [("post", ("one",))], 11: [("post", ("one",))], 12: [("post", ("two",))]}


async def test_exclusions_see_the_topics_that_a_follow_gave(store: Store) -> None:
    feed, other = await add_feed(store), await add_feed(store, "other")
    await follow_feed(store, HERE, feed, topics=("Deep Space",))
    await follow_feed(store, HERE, other)
    await follow_feed(store, THERE, feed)
    for guild_id, channel_id in ((HERE, 10), (THERE, 20)):
        await subscribe(store, guild_id, channel_id, excluded=("deep space",))
    await store_items(store, feed, make_item("one", title="Comet one", published_at=LONG_AGO))
    await store_items(store, other, make_item("two", title="Comet two", published_at=LONG_AGO))
    await plan(store)
    assert await post_due(store, 10) == [("post", ("two",))]
    assert await post_due(store, 20) == [("post", ("one",))]
    for words in ("comet -space", 'comet -"deep space"', "comet -spac*"):
        assert await find_slugs(store, HERE, words) == ["two"]
        assert await find_slugs(store, THERE, words) == ["one"]
    for words in ("comet -spac", "comet -deeper", 'comet -"space deep"'):
        assert sorted(await find_slugs(store, HERE, words)) == ["one", "two"]


async def find_slugs(store: Store, guild_id: int, words: str) -> list[str]:
    found = await store.cards.search_cards(CardQuery(words), guild_id, limit=9)
    return [each.card.slug for each in found.cards]


async def test_exclusions_see_the_topics_that_moderators_set(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed, FollowPolicy.REVIEW, topics=("Space",))
    await subscribe(store, HERE, 10, excluded=("Space", "Ships"))
    ids = await store_items(store, feed, make_item("one"), make_item("two"), make_item("three"))
    await plan(store)
    await edit_card(store, HERE, ids[0], topics=("Moon",))
    await edit_card(store, HERE, ids[1], topics=("Ships",))
    for card_id in ids:
        await decide(store, HERE, card_id, Verdict.PUBLISH)
    await plan(store)
    assert await post_due(store, 10) == [("post", ("one",))]


async def test_reviews_of_two_servers_are_told_apart(store: Store) -> None:
    feed = await add_feed(store)
    for guild, channel, quality in ((HERE, 11, 80), (THERE, 21, 20)):
        await follow_feed(store, guild, feed, FollowPolicy.REVIEW, quality=quality)
        await store.moderation.reviews.set_channel(guild, channel, 5, NOW, MAX_AGE)
    await store_items(store, feed, make_item("item"))
    await plan(store)
    work, _ = await store.outbox.queue.fetch_due(NOW)
    shown = {channel: delivery.cards[0] for channel, (delivery,) in work.items()}
    assert shown[11].card_id == shown[21].card_id
    assert shown[11].revision != shown[21].revision
    assert shown[11].own_revision == shown[21].own_revision
    stored = {guild: await store.cards.get_by_ids([shown[11].card_id], guild) for guild in (HERE, THERE)}
    assert [card.card.quality for cards in stored.values() for card in cards.values()] == [80, 20]


async def test_reviews_come_for_a_held_card_to_the_servers_that_hold_it(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed, FollowPolicy.REVIEW)
    await follow_feed(store, THERE, feed, FollowPolicy.PUBLISH)
    for guild, channel in ((HERE, 11), (THERE, 21), (3, 31)):
        await store.moderation.reviews.set_channel(guild, channel, 5, NOW, MAX_AGE)
    await store_items(store, feed, make_item("item"))
    await plan(store)
    acts = {channel: await post_due(store, channel) for channel in (11, 21, 31)}
    assert acts == {11: [("post", ("item",))], 21: [], 31: []}
    await store.moderation.reviews.expire_old(NOW + 2 * MAX_AGE, MAX_AGE)
    await plan(store, NOW + 2 * MAX_AGE)
    assert await post_due(store, 11, NOW + 2 * MAX_AGE) == [("retract", ())]


@pytest.mark.parametrize("keep_posts", [True, False])
async def test_unfollowing_keeps_or_deletes_the_posts_and_following_again_posts_nothing(
    store: Store, keep_posts: bool
) -> None:
    feed = await add_feed(store)
    for guild, channel in ((HERE, 10), (THERE, 20)):
        await follow_feed(store, guild, feed)
        await subscribe(store, guild, channel)
    (card_id,) = await store_items(store, feed, make_item("item"))
    await plan(store)
    for channel in (10, 20):
        await post_due(store, channel)
    assert await store.cards.follows.unfollow_source(HERE, feed, LATER, keep_posts=keep_posts)
    assert not await store.cards.follows.unfollow_source(HERE, feed, LATER, keep_posts=keep_posts)
    assert await store.cards.follows.was_unfollowed(HERE, card_id)
    assert not await store.cards.follows.was_unfollowed(THERE, card_id)
    assert await list_slugs(store, HERE) == []
    assert await store.cards.get_card(card_id, HERE, hidden=True) is None
    await store_items(store, feed, make_item("item", title="An edited title"), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == ([] if keep_posts else [("retract", ())])
    assert await post_due(store, 20, LATER) == [("edit", ("item",))]
    await follow_feed(store, HERE, feed, followed_at=LATER)
    assert await list_slugs(store, HERE) == ["item"]
    await store_items(store, feed, make_item("item", title="Edited again"), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == []


@pytest.mark.parametrize("keep_posts", [True, False])
async def test_what_waits_for_the_end_of_quiet_hours_does_not_come_after_unfollowing(
    store: Store, keep_posts: bool
) -> None:
    feed = await add_feed(store)
    await subscribe(store, THERE, 20)
    await subscribe(store, HERE, 10)
    for guild, channel in ((HERE, 10), (THERE, 20)):
        await follow_feed(store, guild, feed)
        await store.subscriptions.quiet_hours.set_hours(guild, channel, QuietHours(time(0), time(23), "UTC"), NOW)
    await store_items(store, feed, make_item("item"))
    assert await plan(store) == 0
    assert await store.cards.follows.unfollow_source(HERE, feed, NOW, keep_posts=keep_posts)
    await follow_feed(store, HERE, feed, followed_at=NOW)
    for guild, channel in ((HERE, 10), (THERE, 20)):
        assert await store.subscriptions.quiet_hours.end_hours(guild, channel, LATER)
    assert (await store.outbox.digests.fetch_deferred(LATER)).waiting.keys() == {20}


async def test_a_paused_follow_gathers_backlog(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed, paused=True)
    await subscribe(store, HERE, 10)
    await store_items(store, feed, make_item("item"))
    await plan(store)
    assert await post_due(store, 10) == []
    assert await list_slugs(store, HERE) == ["item"]


async def test_a_saved_card_stays_with_who_saved_it(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed)
    (card_id,) = await store_items(store, feed, make_item("item"))
    await store.members.saved_cards.save_card(MEMBER, card_id, NOW)
    await store.cards.follows.unfollow_source(HERE, feed, LATER, keep_posts=True)
    for guild in (HERE, THERE, 0):
        page = await store.members.saved_cards.get_page(MEMBER, guild, limit=9, offset=0)
        assert [stored.card.slug for stored in page.cards] == ["item"]


async def test_an_item_that_its_source_withdraws_leaves_every_server(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed)
    await subscribe(store, HERE, 10)
    await store_items(store, feed, make_item("item"))
    await plan(store)
    await post_due(store, 10)
    assert await store.cards.importer.forget_items(feed, ["item"], LATER) == 1
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == [("retract", ())]
    assert await list_slugs(store, HERE) == []


async def test_what_nobody_needs_is_deleted_and_no_card_gets_its_number(store: Store) -> None:
    feed, other = await add_feed(store), await add_feed(store, "other")
    await follow_feed(store, HERE, feed)
    await follow_feed(store, HERE, other)
    await subscribe(store, HERE, 10, topics=("Posted",))
    names = ("posted", "saved", "decided", "forgotten")
    ids = await store_items(store, feed, *(make_item(name, topics=(name,)) for name in names))
    (young,) = await store_items(store, other, make_item("other"))
    await store.members.saved_cards.save_card(MEMBER, ids[1], NOW)
    await decide(store, HERE, ids[2], Verdict.WITHDRAW)
    await plan(store)
    assert await post_due(store, 10) == [("post", ("posted",))]
    await store.cards.follows.delete_unused(NOW + timedelta(days=89))
    assert len(await list_slugs(store, HERE)) == 4
    await store.cards.follows.delete_unused(NOW + timedelta(days=91))
    assert await list_slugs(store, HERE) == ["saved", "posted"]
    await store.cards.follows.unfollow_source(HERE, feed, LATER, keep_posts=True)
    await store.cards.follows.unfollow_source(HERE, other, LATER, keep_posts=True)
    await store.cards.follows.delete_unused(LATER + timedelta(hours=23))
    assert len(await store.cards.get_by_ids([*ids, young])) == 5
    await store.cards.follows.delete_unused(LATER + timedelta(hours=25))
    assert (await store.cards.get_by_ids([*ids, young])).keys() == set(ids[:3])
    (new,) = await store_cards(store, make_card("new"))
    assert new > young


async def test_a_feed_that_is_looked_at_first_has_its_cards_when_it_is_followed(store: Store) -> None:
    feed = await add_feed(store)
    await store_items(store, feed, make_item("item"))
    await store.cards.follows.delete_unused(NOW + timedelta(hours=1))
    await follow_feed(store, HERE, feed, followed_at=NOW + timedelta(hours=1))
    await store.cards.follows.delete_unused(NOW + timedelta(days=2))
    assert await list_slugs(store, HERE) == ["item"]


async def test_the_operator_sets_how_long_what_nobody_needs_stays(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed)
    (card_id,) = await store_items(store, feed, make_item("item"))
    retention = Retention(rows=timedelta(days=7), unfollowed=timedelta(days=30))
    await store.cards.follows.delete_unused(NOW + timedelta(days=6), retention)
    assert await list_slugs(store, HERE) == ["item"]
    await store.cards.follows.delete_unused(NOW + timedelta(days=8), retention)
    assert await list_slugs(store, HERE) == []
    await store.cards.follows.unfollow_source(HERE, feed, LATER, keep_posts=True)
    await store.cards.follows.delete_unused(LATER + timedelta(days=29), retention)
    assert await store.cards.get_by_ids([card_id])
    await store.cards.follows.delete_unused(LATER + timedelta(days=31), retention)
    assert not await store.cards.get_by_ids([card_id])


async def test_follows_are_listed_as_they_are(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed, FollowPolicy.REVIEW, topics=("Space",))
    follow = Follow(HERE, feed, FollowPolicy.REVIEW, LONG_AGO, 5, topics=("Space",))
    assert await store.cards.follows.list_follows(HERE) == [follow]
    assert not await store.cards.follows.follow_source(follow)
    edited = Follow(HERE, feed, FollowPolicy.ARCHIVE, LONG_AGO, 5, quality=9, topics=("Moon", "Sun"), paused=True)
    assert await store.cards.follows.edit_follow(edited)
    assert await store.cards.follows.list_follows(HERE) == [edited]
    assert not await store.cards.follows.edit_follow(Follow(THERE, feed, FollowPolicy.REVIEW, NOW, 5))


async def test_what_a_first_look_brings_is_backlog_even_to_a_server_that_follows(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed)
    await subscribe(store, HERE, 10)
    batch = [(SourceItem("item", "1"), ParseResult(make_item("item")))]
    importer = store.cards.importer
    await importer.import_batch(feed, batch, vanished=(), now=NOW, withdraw=True, is_backlog=True)
    await plan(store)
    assert await post_due(store, 10) == []
    assert await list_slugs(store, HERE) == ["item"]
