"""Members' own digests in the store: one for each member and server, whatever happens at once."""

from __future__ import annotations

import asyncio
from datetime import time, timedelta

from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store
from bot.store.subscriptions.personal_digests import Follower
from tests.support.cards import NOW

MEMBER = Follower(user_id=7, guild_id=1, channel_id=70)
OPTIONS = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(8),), timezone="Europe/Berlin")


async def test_topics_that_are_followed_at_once_are_all_in_one_digest(store: Store) -> None:
    names = [f"Topic {number}" for number in range(5)]
    await asyncio.gather(
        *(store.subscriptions.personal_digests.follow_topic(MEMBER, name, OPTIONS, NOW) for name in names)
    )
    own = await store.subscriptions.find_for_member(7, 1)
    assert own
    assert sorted(own.options.topics) == names
    assert own.next_digest_at
    assert await store.subscriptions.fetch_due(own.next_digest_at) == [own]


async def test_a_digest_that_is_due_is_not_put_off_by_another_topic(store: Store) -> None:
    await store.subscriptions.personal_digests.follow_topic(MEMBER, "Space", OPTIONS, NOW)
    before = await store.subscriptions.find_for_member(7, 1)
    await store.subscriptions.personal_digests.follow_topic(MEMBER, "Python", OPTIONS, NOW + timedelta(days=2))
    after = await store.subscriptions.find_for_member(7, 1)
    assert before
    assert after
    assert (after.next_digest_at, after.new_after) == (before.next_digest_at, before.new_after)


async def test_servers_and_members_are_told_apart(store: Store) -> None:
    for follower in (MEMBER, Follower(7, 2, 70), Follower(8, 1, 80)):
        await store.subscriptions.personal_digests.follow_topic(follower, "Space", OPTIONS, NOW)
    assert not await store.subscriptions.personal_digests.unfollow_topic(9, 1, "Space")
    assert await store.subscriptions.personal_digests.unfollow_topic(7, 1, "space")
    assert await store.subscriptions.find_for_member(7, 1) is None
    assert await store.subscriptions.find_for_member(7, 2)
    assert await store.subscriptions.find_for_member(8, 1)


async def test_only_a_members_own_channel_is_shut(store: Store) -> None:
    await store.subscriptions.add_subscription(guild_id=1, channel_id=5, created_by=7, now=NOW, options=OPTIONS)
    await store.subscriptions.personal_digests.follow_topic(MEMBER, "Space", OPTIONS, NOW)
    await store.subscriptions.personal_digests.follow_topic(Follower(8, 1, 80), "Space", OPTIONS, NOW)
    assert [await store.subscriptions.personal_digests.mark_closed(channel, NOW) for channel in (5, 70)] == [
        False,
        True,
    ]
    (servers,) = await store.subscriptions.list_for_guild(1)
    assert not servers.paused
    assert [await store.subscriptions.personal_digests.is_unnotified(user) for user in (7, 8)] == [True, False]
    await store.subscriptions.personal_digests.mark_notified(7)
    assert not await store.subscriptions.personal_digests.is_unnotified(7)
    await store.subscriptions.personal_digests.follow_topic(MEMBER, "Space", OPTIONS, NOW)
    own = await store.subscriptions.find_for_member(7, 1)
    assert own
    assert not own.paused
    assert own.next_digest_at
