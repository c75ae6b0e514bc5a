"""What people do to a digest between its slots: edits, pauses, quiet hours, a channel that is shut, an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.delivery.poster import CardRefusedError, ChannelClosedError, TryLaterError
from bot.desk.quiet import QuietHours
from bot.desk.subscription import Subscription, When, Wish
from bot.editions import Sent
from tests.support.desk import Channels, Desk, a_desk

NEWS = 5
UNEVEN = [
    Wish(when=When.DAILY, times=(time(8), time(9))),
    Wish(when=When.WEEKDAYS, times=(time(8),)),
    Wish(when=When.DAILY, days=(5, 6), times=(time(10),)),
    Wish(when=When.HOURLY, days=(0,)),
    Wish(when=When.WEEKLY, days=(3,), times=(time(0), time(0, 1))),
]
FAILURES = [None, TryLaterError("503"), CardRefusedError("50035"), ChannelClosedError("50013")]
"""Nothing, where quiet hours put it off; else what became of it."""
EDITS: list[dict[str, Any]] = [
    {"max_cards": 9}, {"timezone": "Asia/Tokyo"}, {"times": (time(11),)}, {"days": (0, 2)},
]  # fmt: skip
DAILY = Wish(when=When.DAILY, times=(time(9),))


class Shuttable(Channels):
    """Channels that can be shut."""

    def __init__(self) -> None:
        super().__init__()
        self.shut = False

    def _call(self, name: str) -> None:
        super()._call(name)
        if self.shut:
            raise ChannelClosedError("50013")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Its clock begins at noon (UTC) of a Monday."""
    async with a_desk(tmp_path, Shuttable()) as desk:
        yield desk


async def subscribe(desk: Desk, wish: Wish = DAILY, channel_id: int = NEWS) -> Subscription:
    return await desk.store.subscriptions.add(
        guild_id=1, channel_id=channel_id, created_by=2, now=desk.clock(), wish=wish
    )


async def mine(desk: Desk, place: int = 0) -> Subscription:
    return (await desk.store.subscriptions.of_guild(1))[place]


async def load(desk: Desk, *slugs: str, **fields: Any) -> None:
    for slug in slugs:
        values = {"provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{desk.clock():%FT%TZ}"}
        desk.write(slug, **{**values, "title": f"{slug} matters to {slug} readers of the {slug} paper", **fields})
    await desk.deliver()


async def wait(desk: Desk, hours: int) -> None:
    for _ in range(hours):
        await desk.deliver(hours=1)


def digests(desk: Desk, channel_id: int = NEWS) -> list[list[str]]:
    posted = desk.channels.posted.get(channel_id, [])
    return [[title.split()[0] for title in titles.split(" | ") if title] for _, titles in posted]


def brought(desk: Desk, channel_id: int = NEWS) -> list[str]:
    return sorted(slug for message in digests(desk, channel_id) for slug in message)


def shut(desk: Desk, *, is_shut: bool) -> None:
    assert isinstance(desk.channels, Shuttable)
    desk.channels.shut = is_shut


@pytest.mark.parametrize("wish", UNEVEN)
@pytest.mark.parametrize("edited", EDITS)
async def test_an_edit_loses_no_card_that_waits_for_the_next_slot(
    desk: Desk, wish: Wish, edited: dict[str, Any]
) -> None:
    await subscribe(desk, wish)
    await wait(desk, 24)
    for number in range(7):
        await load(desk, f"card{number}")
        await wait(desk, 10)
        await desk.newsroom.change(await mine(desk), replace(wish, **edited) if number % 2 else wish)
    await wait(desk, 24 * 8)
    assert brought(desk) == [f"card{number}" for number in range(7)]


async def test_a_digest_that_becomes_instant_brings_what_waits_first(desk: Desk) -> None:
    await subscribe(desk)
    await load(desk, "one", "two")
    await desk.newsroom.change(await mine(desk), Wish())
    await load(desk, "three")
    assert [sorted(each) for each in digests(desk)] == [["one", "two"], ["three"]]


@pytest.mark.parametrize("wish", [DAILY, *UNEVEN])
async def test_a_pause_keeps_what_waited_and_brings_nothing_that_came_out_during_it(desk: Desk, wish: Wish) -> None:
    await subscribe(desk, wish)
    for number in range(3):
        await load(desk, f"before{number}")
        await desk.store.subscriptions.pause(await mine(desk), desk.clock())
        await wait(desk, 30)
        await load(desk, f"during{number}")
        await wait(desk, 30)
        assert not any(slug.startswith("during") for slug in brought(desk))
        await desk.store.subscriptions.resume(await mine(desk), desk.clock())
        await load(desk, f"after{number}")
    await wait(desk, 24 * 8)
    assert brought(desk) == sorted(f"{when}{number}" for when in ("before", "after") for number in range(3))


@pytest.mark.parametrize("wish", [Wish(), DAILY])
async def test_paused_means_paused_for_what_quiet_hours_have_put_off(desk: Desk, wish: Wish) -> None:
    await desk.store.quiet.set(1, NEWS, QuietHours(time(8), time(16), "UTC"), desk.clock())
    await subscribe(desk, wish)
    await load(desk, "one")
    await wait(desk, 22)  # the slot passes in quiet hours
    await load(desk, "two") if wish == Wish() else None
    await desk.store.subscriptions.pause(await mine(desk), desk.clock())
    before = brought(desk)
    await load(desk, "edited", title="edited")
    desk.write("one", title="one is told in other words")
    await wait(desk, 30)
    assert brought(desk) == before
    await desk.store.subscriptions.resume(await mine(desk), desk.clock())
    await wait(desk, 24)
    assert brought(desk) == (["one", "two"] if wish == Wish() else ["one"])


@pytest.mark.parametrize("wish", [Wish(), DAILY])
@pytest.mark.parametrize("until", [time(11), time(14), time(23), None])
async def test_quiet_hours_that_are_edited_while_quiet_release_what_waits_at_their_new_end(
    desk: Desk, wish: Wish, until: time | None
) -> None:
    await subscribe(desk, wish)
    await desk.store.quiet.set(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    await load(desk, "one")
    await desk.deliver(hours=22)
    assert brought(desk) == []
    if until:
        await desk.store.quiet.set(1, NEWS, QuietHours(time(6), until, "UTC"), desk.clock())
    else:
        await desk.store.quiet.end(1, NEWS, desk.clock())
    left = (until.hour if until else 10) - 10
    for _ in range(left):
        assert brought(desk) == []
        desk.write("one", title="one is told in other words")  # an edit of what waits does not disturb
        await desk.deliver(hours=1)
    await desk.deliver()
    assert brought(desk) == ["one"]


async def test_quiet_hours_set_for_another_time_of_day_end_at_once(desk: Desk) -> None:
    await subscribe(desk, Wish())
    await desk.store.quiet.set(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    await load(desk, "one")
    await desk.store.quiet.set(1, NEWS, QuietHours(time(22), time(6), "UTC"), desk.clock())
    await desk.deliver()
    assert brought(desk) == ["one"]


@pytest.mark.parametrize("skip_empty", [True, False])
@pytest.mark.parametrize("cards", [0, 1, 3, 30])
async def test_digests_that_a_shut_channel_missed_come_as_one(desk: Desk, skip_empty: bool, cards: int) -> None:
    await subscribe(desk, Wish(when=When.HOURLY, skip_empty=skip_empty))
    await desk.deliver(hours=1)
    before = len(digests(desk))
    shut(desk, is_shut=True)
    for number in range(48):
        if number < cards:
            await load(desk, f"card{number:02}")
        await desk.deliver(minutes=59, seconds=59)
    shut(desk, is_shut=False)
    await desk.deliver(minutes=70)
    desk.clock.move(seconds=-1)
    came = digests(desk)[before:]
    assert sorted(slug for message in came for slug in message) == [f"card{number:02}" for number in range(cards)]
    headings = [delivery.heading for delivery, _ in desk.channels.posted.get(NEWS, [])][before:]
    assert len(headings) <= (2 if skip_empty else 3)
    assert len([message for message in came if not message]) <= 1 + (not skip_empty)


@pytest.mark.parametrize(
    "failure", [None, TryLaterError("503"), CardRefusedError("50035"), ChannelClosedError("50013")]
)
@pytest.mark.parametrize("other", [Wish(min_quality=1), replace(DAILY, max_cards=25)])
async def test_what_one_subscription_could_not_bring_is_left_to_the_channels_other_one(
    desk: Desk, other: Wish, failure: Any
) -> None:
    """Deferred where nothing fails; else sent in vain."""
    await subscribe(desk, Wish())
    await subscribe(desk, other)
    if failure is None:
        await desk.store.quiet.set(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    desk.channels.fail = [failure]
    await load(desk, "one")
    await desk.deliver(seconds=1)
    first = await mine(desk)
    desk.channels.fail = []
    if brought(desk) == []:
        await desk.store.subscriptions.remove(1, first.id)
    await wait(desk, 48)
    assert brought(desk) == ["one"]


async def test_a_deferred_card_comes_by_the_subscription_that_is_not_paused(desk: Desk) -> None:
    await desk.store.quiet.set(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    first = await subscribe(desk, Wish())
    await subscribe(desk, Wish(min_quality=1))
    await load(desk, "one")
    await desk.store.subscriptions.pause(first, desk.clock())
    await wait(desk, 10)
    assert digests(desk) == [["one"]]
    await desk.store.subscriptions.resume(await mine(desk), desk.clock())
    await wait(desk, 24)
    assert digests(desk) == [["one"]]


async def test_words_that_one_subscription_is_spared_keep_no_card_from_another_of_its_channel(desk: Desk) -> None:
    await subscribe(desk, Wish(without=("scandal",)))
    await subscribe(desk, Wish())
    await load(desk, "one", title="one scandal")
    assert digests(desk) == [["one"]]


async def test_now_says_what_was_filed_and_when_it_comes(desk: Desk) -> None:
    subscription = await subscribe(desk)
    await load(desk, "one", "two")
    await desk.store.quiet.set(1, NEWS, QuietHours(time(6), time(20), "UTC"), desk.clock())
    end = desk.clock().replace(hour=20, minute=0, second=0, microsecond=0)
    assert await desk.newsroom.send_now(subscription) == Sent(2, end)
    assert await desk.newsroom.send_now(subscription) == Sent(0)  # read before the first one: nothing was filed
    await wait(desk, 9)
    assert len(digests(desk)) == 1


# --- an independent reckoning


class Play:
    """A digest of every card, what is done to it, and by the calendar what it must have brought in the end."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.dice = Random(seed)
        self.wishes = [replace(wish, max_cards=25) for wish in [DAILY, *UNEVEN]]
        self.owed: list[str] = []
        self.acts = [self.card, self.card, self.card, self.edit, self.pause, self.quiet, self.loud, self.close]

    async def card(self) -> None:
        slug = f"card{self.desk.clock():%d%H%M%S}"
        if not (await mine(self.desk)).paused:
            self.owed.append(slug)
        await load(self.desk, slug)

    async def edit(self) -> None:
        zone = self.dice.choice(["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"])
        await self.desk.newsroom.change(await mine(self.desk), replace(self.dice.choice(self.wishes), timezone=zone))

    async def pause(self) -> None:
        subscription = await mine(self.desk)
        act = self.desk.store.subscriptions.resume if subscription.paused else self.desk.store.subscriptions.pause
        await act(subscription, self.desk.clock())

    async def quiet(self) -> None:
        hours = QuietHours(time(self.dice.randrange(12)), time(12 + self.dice.randrange(12)), "UTC")
        await self.desk.store.quiet.set(1, NEWS, hours, self.desk.clock())

    async def loud(self) -> None:
        await self.desk.store.quiet.end(1, NEWS, self.desk.clock())

    async def close(self) -> None:
        shut(self.desk, is_shut=self.dice.random() < 0.5)


@pytest.mark.parametrize("seed", range(16))
async def test_whatever_is_done_each_card_comes_once_unless_it_came_out_in_a_pause(desk: Desk, seed: int) -> None:
    play = Play(desk, seed)
    await subscribe(desk, play.dice.choice(play.wishes))
    for _ in range(24):
        await play.dice.choice(play.acts)()
        await wait(desk, play.dice.randrange(1, 9))
    shut(desk, is_shut=False)
    if (await mine(desk)).paused:
        await play.pause()
    for _ in range(9 * 4):
        await desk.deliver(hours=6)
    assert brought(desk) == sorted(play.owed)
