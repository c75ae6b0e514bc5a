"""What people do to a digest between its slots: edits, pauses, quiet hours, a channel that is shut, an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.delivery.sender import CardRefusedError, ChannelClosedError, RetryLaterError
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from bot.worker.digest_planner import DigestReceipt
from tests.support.worker import MemoryChannels, WorkerHarness, open_harness

NEWS = 5
UNEVEN = [
    SubscriptionOptions(frequency=Frequency.DAILY, times=(time(8), time(9))),
    SubscriptionOptions(frequency=Frequency.WEEKDAYS, times=(time(8),)),
    SubscriptionOptions(frequency=Frequency.DAILY, days=(5, 6), times=(time(10),)),
    SubscriptionOptions(frequency=Frequency.HOURLY, days=(0,)),
    SubscriptionOptions(frequency=Frequency.WEEKLY, days=(3,), times=(time(0), time(0, 1))),
]
FAILURES = [None, RetryLaterError("503"), CardRefusedError("50035"), ChannelClosedError("50013")]
"""Nothing, where quiet hours put it off; else what became of it."""
EDITS: list[dict[str, Any]] = [
    {"max_cards": 9}, {"timezone": "Asia/Tokyo"}, {"times": (time(11),)}, {"days": (0, 2)},
]  # fmt: skip
DAILY = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),))


class ShuttableChannels(MemoryChannels):
    """Channels that can be shut."""

    def __init__(self) -> None:
        super().__init__()
        self.shut = False

    def _record_call(self, name: str) -> None:
        super()._record_call(name)
        if self.shut:
            raise ChannelClosedError("50013")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    """Its clock begins at noon (UTC) of a Monday."""
    async with open_harness(tmp_path, ShuttableChannels()) as desk:
        yield desk


async def add_subscription(
    desk: WorkerHarness, options: SubscriptionOptions = DAILY, channel_id: int = NEWS
) -> Subscription:
    return await desk.store.subscriptions.add_subscription(
        guild_id=1, channel_id=channel_id, created_by=2, now=desk.clock(), options=options
    )


async def get_subscription(desk: WorkerHarness, place: int = 0) -> Subscription:
    return (await desk.store.subscriptions.list_for_guild(1))[place]


async def load_cards(desk: WorkerHarness, *slugs: str, **fields: Any) -> None:
    for slug in slugs:
        values = {"provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{desk.clock():%FT%TZ}"}
        desk.write_card(slug, **{**values, "title": f"{slug} {slug}land {slug}berg {slug}town", **fields})
    await desk.deliver_due()


async def wait_hours(desk: WorkerHarness, hours: int) -> None:
    for _ in range(hours):
        await desk.deliver_due(hours=1)


def digest_slugs(desk: WorkerHarness, channel_id: int = NEWS) -> list[list[str]]:
    posted = desk.channels.posted.get(channel_id, [])
    return [[title.split()[0] for title in titles.split(" | ") if title] for _, titles in posted]


def delivered_slugs(desk: WorkerHarness, channel_id: int = NEWS) -> list[str]:
    return sorted(slug for message in digest_slugs(desk, channel_id) for slug in message)


def shut_channel(desk: WorkerHarness, *, is_shut: bool) -> None:
    assert isinstance(desk.channels, ShuttableChannels)
    desk.channels.shut = is_shut


@pytest.mark.parametrize("options", UNEVEN)
@pytest.mark.parametrize("edited", EDITS)
async def test_an_edit_loses_no_card_that_waits_for_the_next_slot(
    desk: WorkerHarness, options: SubscriptionOptions, edited: dict[str, Any]
) -> None:
    await add_subscription(desk, options)
    await wait_hours(desk, 24)
    for number in range(7):
        await load_cards(desk, f"card{number}")
        await wait_hours(desk, 10)
        await desk.pipeline.change_options(
            await get_subscription(desk), replace(options, **edited) if number % 2 else options
        )
    await wait_hours(desk, 24 * 8)
    assert delivered_slugs(desk) == [f"card{number}" for number in range(7)]


async def test_a_digest_that_becomes_instant_brings_what_waits_first(desk: WorkerHarness) -> None:
    await add_subscription(desk)
    await load_cards(desk, "one", "two")
    await desk.pipeline.change_options(await get_subscription(desk), SubscriptionOptions())
    await load_cards(desk, "three")
    assert [sorted(each) for each in digest_slugs(desk)] == [["one", "two"], ["three"]]


@pytest.mark.parametrize("options", [DAILY, *UNEVEN])
async def test_a_pause_keeps_what_waited_and_brings_nothing_that_came_out_during_it(
    desk: WorkerHarness, options: SubscriptionOptions
) -> None:
    await add_subscription(desk, options)
    for number in range(3):
        await load_cards(desk, f"before{number}")
        await desk.store.subscriptions.pause_subscription(await get_subscription(desk), desk.clock())
        await wait_hours(desk, 30)
        await load_cards(desk, f"during{number}")
        await wait_hours(desk, 30)
        assert not any(slug.startswith("during") for slug in delivered_slugs(desk))
        await desk.store.subscriptions.resume_subscription(await get_subscription(desk), desk.clock())
        await load_cards(desk, f"after{number}")
    await wait_hours(desk, 24 * 8)
    assert delivered_slugs(desk) == sorted(f"{when}{number}" for when in ("before", "after") for number in range(3))


@pytest.mark.parametrize("options", [SubscriptionOptions(), DAILY])
async def test_paused_means_paused_for_what_quiet_hours_have_put_off(
    desk: WorkerHarness, options: SubscriptionOptions
) -> None:
    await desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, QuietHours(time(8), time(16), "UTC"), desk.clock())
    await add_subscription(desk, options)
    await load_cards(desk, "one")
    await wait_hours(desk, 22)  # the slot passes in quiet hours
    await load_cards(desk, "two") if options == SubscriptionOptions() else None
    await desk.store.subscriptions.pause_subscription(await get_subscription(desk), desk.clock())
    before = delivered_slugs(desk)
    await load_cards(desk, "edited", title="edited")
    desk.write_card("one", title="one is worded differently")
    await wait_hours(desk, 30)
    assert delivered_slugs(desk) == before
    await desk.store.subscriptions.resume_subscription(await get_subscription(desk), desk.clock())
    await wait_hours(desk, 24)
    assert delivered_slugs(desk) == (["one", "two"] if options == SubscriptionOptions() else ["one"])


@pytest.mark.parametrize("options", [SubscriptionOptions(), DAILY])
@pytest.mark.parametrize("until", [time(11), time(14), time(23), None])
async def test_quiet_hours_that_are_edited_while_quiet_release_what_waits_at_their_new_end(
    desk: WorkerHarness, options: SubscriptionOptions, until: time | None
) -> None:
    await add_subscription(desk, options)
    await desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    await load_cards(desk, "one")
    await desk.deliver_due(hours=22)
    assert delivered_slugs(desk) == []
    if until:
        await desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, QuietHours(time(6), until, "UTC"), desk.clock())
    else:
        await desk.store.subscriptions.quiet_hours.end_hours(1, NEWS, desk.clock())
    left = (until.hour if until else 10) - 10
    for _ in range(left):
        assert delivered_slugs(desk) == []
        desk.write_card("one", title="one is worded differently")  # an edit of what waits does not disturb
        await desk.deliver_due(hours=1)
    await desk.deliver_due()
    assert delivered_slugs(desk) == ["one"]


async def test_quiet_hours_set_for_another_time_of_day_end_at_once(desk: WorkerHarness) -> None:
    await add_subscription(desk, SubscriptionOptions())
    await desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    await load_cards(desk, "one")
    await desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, QuietHours(time(22), time(6), "UTC"), desk.clock())
    await desk.deliver_due()
    assert delivered_slugs(desk) == ["one"]


@pytest.mark.parametrize("skip_empty", [True, False])
@pytest.mark.parametrize("cards", [0, 1, 3, 30])
async def test_digests_that_a_shut_channel_missed_come_as_one(
    desk: WorkerHarness, skip_empty: bool, cards: int
) -> None:
    await add_subscription(desk, SubscriptionOptions(frequency=Frequency.HOURLY, skip_empty=skip_empty))
    await desk.deliver_due(hours=1)
    before = len(digest_slugs(desk))
    shut_channel(desk, is_shut=True)
    for number in range(48):
        if number < cards:
            await load_cards(desk, f"card{number:02}")
        await desk.deliver_due(minutes=59, seconds=59)
    shut_channel(desk, is_shut=False)
    await desk.deliver_due(minutes=70)
    desk.clock.advance(seconds=-1)
    came = digest_slugs(desk)[before:]
    assert sorted(slug for message in came for slug in message) == [f"card{number:02}" for number in range(cards)]
    headings = [delivery.heading for delivery, _ in desk.channels.posted.get(NEWS, [])][before:]
    assert len(headings) <= (2 if skip_empty else 3)
    assert len([message for message in came if not message]) <= 1 + (not skip_empty)


@pytest.mark.parametrize(
    "failure", [None, RetryLaterError("503"), CardRefusedError("50035"), ChannelClosedError("50013")]
)
@pytest.mark.parametrize("other", [SubscriptionOptions(min_quality=1), replace(DAILY, max_cards=25)])
async def test_what_one_subscription_could_not_bring_is_left_to_the_channels_other_one(
    desk: WorkerHarness, other: SubscriptionOptions, failure: Any
) -> None:
    """Deferred where nothing fails; else sent in vain."""
    await add_subscription(desk, SubscriptionOptions())
    await add_subscription(desk, other)
    if failure is None:
        await desk.store.subscriptions.quiet_hours.set_hours(
            1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock()
        )
    desk.channels.fail = [failure]
    await load_cards(desk, "one")
    await desk.deliver_due(seconds=1)
    first = await get_subscription(desk)
    desk.channels.fail = []
    if delivered_slugs(desk) == []:
        await desk.store.subscriptions.remove_subscription(1, first.id)
    await wait_hours(desk, 48)
    assert delivered_slugs(desk) == ["one"]


async def test_a_deferred_card_comes_by_the_subscription_that_is_not_paused(desk: WorkerHarness) -> None:
    await desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    first = await add_subscription(desk, SubscriptionOptions())
    await add_subscription(desk, SubscriptionOptions(min_quality=1))
    await load_cards(desk, "one")
    await desk.store.subscriptions.pause_subscription(first, desk.clock())
    await wait_hours(desk, 10)
    assert digest_slugs(desk) == [["one"]]
    await desk.store.subscriptions.resume_subscription(await get_subscription(desk), desk.clock())
    await wait_hours(desk, 24)
    assert digest_slugs(desk) == [["one"]]


async def test_words_that_one_subscription_is_spared_keep_no_card_from_another_of_its_channel(
    desk: WorkerHarness,
) -> None:
    await add_subscription(desk, SubscriptionOptions(excluded=("scandal",)))
    await add_subscription(desk, SubscriptionOptions())
    await load_cards(desk, "one", title="one scandal")
    assert digest_slugs(desk) == [["one"]]


async def test_now_says_what_was_filed_and_when_it_comes(desk: WorkerHarness) -> None:
    subscription = await add_subscription(desk)
    await load_cards(desk, "one", "two")
    await desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    end = desk.clock().replace(hour=20, minute=0, second=0, microsecond=0)
    assert await desk.pipeline.send_digest_now(subscription) == DigestReceipt(2, end)
    assert await desk.pipeline.send_digest_now(subscription) == DigestReceipt(
        0
    )  # read before the first one: nothing was filed
    await wait_hours(desk, 9)
    assert len(digest_slugs(desk)) == 1


# --- an independent calculation


class PromiseScript:
    """A digest of every card, what is done to it, and by the calendar what it must have brought in the end."""

    def __init__(self, desk: WorkerHarness, seed: int) -> None:
        self.desk = desk
        self.dice = Random(seed)
        self.option_sets = [replace(options, max_cards=25) for options in [DAILY, *UNEVEN]]
        self.owed: list[str] = []
        self.acts = [
            self.add_card,
            self.add_card,
            self.add_card,
            self.edit_digest,
            self.pause_digest,
            self.start_quiet,
            self.end_quiet,
            self.close,
        ]

    async def add_card(self) -> None:
        slug = f"card{self.desk.clock():%d%H%M%S}"
        if not (await get_subscription(self.desk)).paused:
            self.owed.append(slug)
        await load_cards(self.desk, slug)

    async def edit_digest(self) -> None:
        zone = self.dice.choice(["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"])
        await self.desk.pipeline.change_options(
            await get_subscription(self.desk), replace(self.dice.choice(self.option_sets), timezone=zone)
        )

    async def pause_digest(self) -> None:
        subscription = await get_subscription(self.desk)
        act = (
            self.desk.store.subscriptions.resume_subscription
            if subscription.paused
            else self.desk.store.subscriptions.pause_subscription
        )
        await act(subscription, self.desk.clock())

    async def start_quiet(self) -> None:
        hours = QuietHours(time(self.dice.randrange(12)), time(12 + self.dice.randrange(12)), "UTC")
        await self.desk.store.subscriptions.quiet_hours.set_hours(1, NEWS, hours, self.desk.clock())

    async def end_quiet(self) -> None:
        await self.desk.store.subscriptions.quiet_hours.end_hours(1, NEWS, self.desk.clock())

    async def close(self) -> None:
        shut_channel(self.desk, is_shut=self.dice.random() < 0.5)


@pytest.mark.parametrize("seed", range(16))
async def test_whatever_is_done_each_card_comes_once_unless_it_came_out_in_a_pause(
    desk: WorkerHarness, seed: int
) -> None:
    play = PromiseScript(desk, seed)
    await add_subscription(desk, play.dice.choice(play.option_sets))
    for _ in range(24):
        await play.dice.choice(play.acts)()
        await wait_hours(desk, play.dice.randrange(1, 9))
    shut_channel(desk, is_shut=False)
    if (await get_subscription(desk)).paused:
        await play.pause_digest()
    for _ in range(9 * 4):
        await desk.deliver_due(hours=6)
    assert delivered_slugs(desk) == sorted(play.owed)
