"""The first posts of a new subscription: its newest cards, once, as it asks for them and as the server sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.follows import FollowPolicy
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions
from bot.store.outbox.digests import CardTakenError
from tests.support.follows import HERE, add_feed, follow_feed, make_item, store_items
from tests.support.worker import WorkerHarness, open_harness

NEWS, OTHER = 5, 6
THREE = SubscriptionOptions(backfill=3)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    """Its clock begins at noon (UTC)."""
    async with open_harness(tmp_path) as desk:
        yield desk


async def load_cards(desk: WorkerHarness, *slugs: str, **fields: Any) -> None:
    """Load cards that are an hour apart, the last one newest."""
    for number, slug in enumerate(reversed(slugs)):
        published = desk.clock() - timedelta(hours=1 + number)
        desk.write_card(slug, **{"publishedDateTime": published.isoformat(), **fields})
    await desk.deliver_due()


async def subscribe(
    desk: WorkerHarness, options: SubscriptionOptions = THREE, channel_id: int = NEWS, guild_id: int = HERE
) -> tuple[Subscription, int]:
    draft = Subscription(0, guild_id, channel_id, 2, desk.clock(), desk.clock(), options)
    made = await desk.pipeline.add_subscription(draft)
    await desk.pipeline.plan_and_deliver()
    return made


async def test_the_newest_cards_come_at_once_in_order_and_never_again(desk: WorkerHarness) -> None:
    await load_cards(desk, "one", "two", "three", "four")
    _, count = await subscribe(desk)
    expected = ["Title of two", "Title of three", "Title of four"]
    assert count == len(expected)
    assert desk.channels.titles_in(NEWS) == expected
    await desk.deliver_due(hours=1)
    desk.write_card("three", title="Changed")
    await load_cards(desk, "five")
    assert desk.channels.titles_in(NEWS) == ["Title of two", "Changed", "Title of four", "Title of five"]


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        ({"backfill": 0}, []),
        ({"words": ("two",)}, ["Title of two"]),
        ({"words": ("nothing",)}, []),
        ({"excluded": ("four",)}, ["Title of one", "Title of two", "Title of three"]),
        ({"providers": ("Nobody",)}, []),
        ({"topics": ("Nothing",)}, []),
        ({"min_quality": 1000}, []),
        ({"backfill": 1, "topics": ("Python", "Nothing")}, ["Title of four"]),
    ],
)
async def test_they_are_those_that_it_asks_for(desk: WorkerHarness, options: dict[str, Any], titles: list[str]) -> None:
    await load_cards(desk, "one", "two", "three", "four")
    _, count = await subscribe(desk, replace(THREE, **options))
    assert count == len(titles)
    assert desk.channels.titles_in(NEWS) == titles


async def test_a_digest_begins_with_one_of_them_and_goes_on_with_the_rest(desk: WorkerHarness) -> None:
    await load_cards(desk, "one", "two", "three")
    daily = SubscriptionOptions(Frequency.DAILY, (time(18),), layout=Layout.LIST, backfill=2)
    made, count = await subscribe(desk, daily)
    assert count == 2
    assert desk.channels.titles_in(NEWS) == ["Title of three | Title of two"]
    assert made.options == daily
    await desk.deliver_due(hours=7)
    assert desk.channels.titles_in(NEWS) == ["Title of three | Title of two", "Title of one"]


async def test_one_of_each_story_and_nothing_that_the_channel_has_had(desk: WorkerHarness) -> None:
    listing = "[{title: Same, url: 'https://example.org/one'}]"
    await load_cards(desk, "one", "two")
    await subscribe(desk, replace(THREE, backfill=1))
    assert desk.channels.titles_in(NEWS) == ["Title of two"]
    await load_cards(desk, "three", related=listing, url="https://example.org/three")
    _, count = await subscribe(desk, replace(THREE, min_quality=1))
    (*_, last) = desk.channels.titles_in(NEWS)
    assert count == 1
    assert last == "Title of one"


async def test_feeds_of_other_servers_and_what_is_held_stay_out_and_backlog_that_readers_see_comes(
    desk: WorkerHarness,
) -> None:
    store, now = desk.store, desk.clock()
    for name, guild, policy in (
        ("feed", HERE, FollowPolicy.PUBLISH),
        ("other", HERE + 1, FollowPolicy.PUBLISH),
        ("hostile", HERE, FollowPolicy.REVIEW),
    ):
        feed = await add_feed(store, name)
        await store_items(store, feed, make_item(name, title=f"Item of {name}", published_at=now), now=now)
        await follow_feed(store, guild, feed, policy, followed_at=now + timedelta(minutes=1))
    await subscribe(desk)
    assert desk.channels.titles_in(NEWS) == ["Item of feed"]


async def test_in_quiet_hours_they_wait(desk: WorkerHarness) -> None:
    await load_cards(desk, "one")
    await desk.store.subscriptions.quiet_hours.set_hours(HERE, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    await subscribe(desk)
    assert desk.channels.titles_in(NEWS) == []
    await desk.deliver_due(hours=9)
    assert desk.channels.titles_in(NEWS) == ["Title of one"]


async def test_a_subscription_is_stored_with_its_first_posts_or_not_at_all(
    desk: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load_cards(desk, "one")

    async def fail(*_args: object) -> None:
        raise CardTakenError("a click was faster")

    with monkeypatch.context() as patched:
        patched.setattr("bot.store.outbox.digests._insert_messages", fail)
        with pytest.raises(CardTakenError):
            await subscribe(desk)
    assert await desk.store.subscriptions.list_for_guild(HERE) == []
    await subscribe(desk)
    assert desk.channels.titles_in(NEWS) == ["Title of one"]
