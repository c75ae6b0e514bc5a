"""Whose a card is: cards of a followed source are in the servers that follow it, and no trace of them elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.cards.model import CardState, ParseResult, Provider, SourceItem
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store
from bot.store.cards.repository import CardQuery, SearchOrder, TimelineCursor, TopicCount
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.follows import LONG_AGO, add_feed, follow_feed, make_item, store_items

HERE, THERE = 1, 2
MEMBER = 7
MAX_AGE = timedelta(days=14)
LATER = NOW + timedelta(hours=1)


async def subscribe(store: Store, guild_id: int, channel_id: int, **options: Any) -> int:
    added = await store.subscriptions.add_subscription(
        guild_id=guild_id,
        channel_id=channel_id,
        created_by=5,
        now=LONG_AGO,
        options=SubscriptionOptions(**({"frequency": Frequency.INSTANT} | options)),
    )
    return added.id


async def plan(store: Store, now: Any = NOW) -> int:
    return await store.outbox.planner.plan_deliveries(now, MAX_AGE)


async def post_due(store: Store, channel_id: int, now: Any = NOW) -> list[tuple[str, tuple[str, ...]]]:
    """Do what the courier would: the acts, in order, with the slugs that each message shows."""
    acts = []
    work, _ = await store.outbox.queue.fetch_due(now)
    for delivery in work.get(channel_id, []):
        shown = await store.cards.get_by_ids([card.card_id for card in delivery.cards])
        slugs = tuple(shown[card.card_id].card.slug for card in delivery.cards)
        if delivery.desired_kind is None:
            acts.append(("retract", slugs))
            await store.outbox.queue.mark_retracted(delivery, now)
        elif delivery.message_id is None:
            acts.append(("post", slugs))
            await store.outbox.queue.mark_sending(delivery, now)
            await store.outbox.queue.mark_posted(delivery, 1000 + delivery.id, now)
        else:
            acts.append(("edit", slugs))
            await store.outbox.queue.mark_edited(delivery, now)
    return acts


async def decide(store: Store, guild_id: int, card_id: int, verdict: Verdict, expected: Verdict | None = None) -> None:
    decision = Decision(guild_id, card_id, verdict, 9, NOW)
    outcome = await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=expected)
    assert outcome.accepted


async def list_slugs(store: Store, guild_id: int) -> list[str]:
    return [stored.card.slug for stored in (await store.cards.list_latest(guild_id, limit=100)).cards]


async def read_everything(store: Store, guild_id: int) -> dict[str, Any]:
    """What each reading path gives the server, with all that it shows of a card."""
    archive, moderation = store.cards, store.moderation
    ways: dict[str, Any] = {
        "latest": await archive.list_latest(guild_id, limit=4),
        "older": await archive.list_latest(guild_id, limit=4, cursor=TimelineCursor(2**62)),
        "newer": await archive.list_latest(guild_id, limit=4, cursor=TimelineCursor(0, newer=True)),
        "latest of a topic": await archive.list_latest(guild_id, topic="space", limit=9),
        "of an address": await archive.find_by_urls(["news.example/comet", "news.example/shared"], guild_id, limit=9),
        "by slug": [await archive.get_by_slug(name, guild_id, hidden=True) for name in ("comet", "shared", "copy-1")],
        "topics": await archive.list_topics(guild_id, limit=50),
        "providers": await archive.list_providers(guild_id, limit=50),
        "all topics": await archive.list_all_topics(guild_id),
        "completion": await archive.complete_cards("", guild_id, limit=9),
        "completion by a word": await archive.complete_cards("comet nears", guild_id, limit=9),
        "completion by a prefix": await archive.complete_cards("come", guild_id, limit=9),
        "completion for moderators": await archive.complete_cards("", guild_id, limit=9, hidden=True),
        "words for moderators": await archive.complete_cards("comet", guild_id, limit=9, hidden=True),
        "did you mean": await archive.spelling.suggest_query(CardQuery("commet"), guild_id),
        "did you mean a split": await archive.spelling.suggest_query(CardQuery("cometnears"), guild_id),
        "largest topics": await archive.trends.count_topics(guild_id, LATER, limit=9),
        "trend": sorted(map(repr, await archive.trends.count_spans(guild_id, None, LONG_AGO, LATER))),
        "trend of a topic": sorted(map(repr, await archive.trends.count_spans(guild_id, "space", LONG_AGO, LATER))),
        "queue": await moderation.queue.get_page(guild_id, QueueFilters(), limit=9, offset=0),
        "backlog": await moderation.queue.get_page(guild_id, QueueFilters(is_backlog=True), limit=9, offset=0),
        "queue of a topic": await moderation.queue.get_page(guild_id, QueueFilters("space"), limit=9, offset=0),
        "log": await moderation.audit_log.get_page(guild_id, AuditFilter(), limit=9),
        "saved": await store.members.saved_cards.get_page(MEMBER, guild_id, limit=9, offset=0),
        "follows": await archive.follows.list_follows(guild_id),
    }
    for order in SearchOrder:
        for query in (
            CardQuery("comet"),
            CardQuery(topic="space"),
            CardQuery("nears", provider="NASA"),
            CardQuery("cop"),
        ):
            page = await archive.search_cards(CardQuery(**{**_fields(query), "order": order}), guild_id, limit=9)
            ways[f"search {query} {order}"] = page
    pool = await store.outbox.candidates.load_pool([guild_id], LONG_AGO, LONG_AGO)
    ways["digest"] = sorted(pool.for_guild(guild_id), key=lambda each: each.card_id)
    return ways


def _fields(query: CardQuery) -> dict[str, Any]:
    return {name: getattr(query, name) for name in CardQuery.__slots__}


async def add_everybodys(store: Store) -> list[int]:
    return await store_cards(
        store,
        make_older(
            make_card("shared", title="Comet nears Earth", topics=("Space",), provider=Provider("NASA")), days=1
        ),
        make_older(make_card("moon", title="A moon rises", topics=("Space",)), days=2),
        make_older(make_card("held", title="Comet rumour", state=CardState.HELD, quality=60), days=1),
    )


async def add_own(store: Store) -> list[int]:
    """A feed that the first server follows, with an item of news and one of backlog."""
    feed = await add_feed(store)
    (old,) = await store_items(
        store, feed, make_item("old", title="Old comet tale", provider=Provider("Blog")), now=LONG_AGO
    )
    await follow_feed(store, HERE, feed, topics=("Space",), followed_at=LONG_AGO + timedelta(days=1))
    (new,) = await store_items(store, feed, make_item("comet", title="Comet nears Earth", provider=Provider("Blog")))
    return [old, new]


async def add_hostile(store: Store) -> list[int]:
    """A neighbour's feed: copies of a headline, with the addresses, topics and publishers of others."""
    feed = await add_feed(store, "hostile")
    await follow_feed(store, THERE, feed, topics=("Space", "sPaM"))
    copies = [
        make_item(
            f"copy-{number}",
            title=f"Comet nears Earth commet cometic{'abcdefghijklmnopqrstuvwxyz'[number % 26]}",
            aliases=("news.example/comet", "news.example/shared"),
            topics=("Space", "Copies"),
            provider=Provider("nasa" if number % 2 else "bLOG"),
            quality=190,
            heat=190,
        )
        for number in range(40)
    ]
    ids = await store_items(store, feed, *copies)
    await decide(store, THERE, ids[0], Verdict.WITHDRAW)
    await decide(store, EVERYWHERE, ids[2], Verdict.PUBLISH)
    return ids


@pytest.mark.parametrize("hostile_first", [True, False])
async def test_a_hostile_neighbour_changes_nothing_that_another_server_sees(store: Store, hostile_first: bool) -> None:
    alone_ids = [*await add_everybodys(store), *await add_own(store)]
    for card_id in alone_ids:
        await store.members.saved_cards.save_card(MEMBER, card_id, NOW)
    await subscribe(store, HERE, 10)
    if not hostile_first:
        await plan(store)
    before = {guild: await read_everything(store, guild) for guild in (HERE, 3, EVERYWHERE)}
    hostile = await add_hostile(store)
    await plan(store)
    for guild, ways in before.items():
        after = await read_everything(store, guild)
        if guild == EVERYWHERE:
            del ways["log"]  # what the bot's owners decided, which only they read
        for way, shown in ways.items():
            assert repr(after[way]) == repr(shown), (guild, way)
    for card_id in hostile[1:]:
        for hidden in (True, False):
            assert await store.cards.get_card(card_id, HERE, hidden=hidden) is None
            assert await store.cards.get_card(card_id, 0, hidden=hidden) is None
    posts = sorted(slugs for _, slugs in await post_due(store, 10))
    assert posts == [("comet",), ("moon",), ("shared",)]
    assert len(await list_slugs(store, THERE)) == 41
    await decide(store, HERE, hostile[1], Verdict.PUBLISH)
    await plan(store)
    assert await post_due(store, 10) == []
    assert "copy-1" not in await list_slugs(store, HERE)


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
