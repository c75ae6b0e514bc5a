"""Digests of servers that follow feeds: what their filters see, and how much of one publisher they bring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cards.model import Provider
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from tests.support.follows import add_feed, follow_feed, make_item, store_items
from tests.support.worker import WorkerHarness, open_harness

HERE, THERE = 1, 2


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    async with open_harness(tmp_path) as opened:
        yield opened


def make_options(**options: Any) -> SubscriptionOptions:
    return SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), **options)


async def subscribe(harness: WorkerHarness, guild_id: int, options: SubscriptionOptions) -> Subscription:
    await harness.store.subscriptions.add_subscription(
        guild_id=guild_id,
        channel_id=10 * guild_id,
        created_by=1,
        now=harness.clock() - timedelta(hours=1),
        options=options,
    )
    (found,) = await harness.store.subscriptions.list_for_guild(guild_id)
    return found


async def preview_titles(harness: WorkerHarness, subscription: Subscription) -> list[str]:
    preview = await harness.pipeline.previewer.preview_digest(subscription)
    return [each.card.title for each in preview.cards]


async def test_exclusions_see_the_topics_that_a_follow_gave(harness: WorkerHarness) -> None:
    feed, other = await add_feed(harness.store), await add_feed(harness.store, "other")
    await follow_feed(harness.store, HERE, feed, topics=("Space",))
    await follow_feed(harness.store, HERE, other)
    await follow_feed(harness.store, THERE, feed)
    now = harness.clock()
    for source, name in ((feed, "one"), (other, "two")):
        item = make_item(name, title=name, published_at=now, provider=Provider(name))
        await store_items(harness.store, source, item, now=now)
    options = make_options(excluded=("space",))
    here, there = await subscribe(harness, HERE, options), await subscribe(harness, THERE, options)
    assert await preview_titles(harness, here) == ["two"]
    assert await preview_titles(harness, there) == ["one"]
    harness.clock.advance(days=1)
    simulated = [await harness.pipeline.previewer.simulate_options(guild, options) for guild in (HERE, THERE)]
    assert [[card.card.title for card in each.cards] for each in simulated] == [["two"], ["one"]]
    await harness.deliver_due()
    assert [titles for _, titles in harness.channels.posted[10]] == ["two"]
    assert [titles for _, titles in harness.channels.posted[20]] == ["one"]


async def test_a_server_with_one_feed_gets_full_digests(harness: WorkerHarness) -> None:
    feed = await add_feed(harness.store)
    await follow_feed(harness.store, HERE, feed)
    now = harness.clock()
    items = [
        make_item(f"item-{place}", title=f"Item {place} of {place * place}", published_at=now, url=f"https://f/{place}")
        for place in range(12)
    ]
    await store_items(harness.store, feed, *items, now=now)
    subscription = await subscribe(harness, HERE, make_options(max_cards=8))
    assert len(await preview_titles(harness, subscription)) == 8
