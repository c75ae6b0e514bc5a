"""Clocks that are wrong: nothing is posted twice for it, and nothing waits for longer than it would have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.delivery.poster import ChannelClosedError, TryLaterError
from bot.desk.delivery import LONGEST_PROBE, LONGEST_WAIT
from bot.gateway.discord_time import DiscordTime
from tests.support.desk import Desk, a_desk
from tests.support.line import Line

OFFSETS = [
    timedelta(days=-100), timedelta(days=-3), timedelta(hours=-2), timedelta(minutes=-11), timedelta(minutes=11),
    timedelta(hours=2), timedelta(days=3), timedelta(days=400),
]  # fmt: skip


async def begun_with_a_lost_answer(line: Line, kind: str, offset: timedelta) -> None:
    """A post is in its channel, and the process that made it ends before it knows."""
    await line.wire.configure(nonce_window=0.0)
    await line.subscribe(kind)
    line.clock.now = datetime.now(UTC) + offset
    await line.bot.store.deliveries.plan(line.clock(), timedelta(days=1))
    await line.wire.fault("lost", "POST", "/threads$" if kind == "forum" else "/messages$")
    line.write("a", publishedDateTime=f"{line.clock() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    await line.deliver()


@pytest.mark.parametrize("chatter", [1, 200])
@pytest.mark.parametrize("offset", OFFSETS, ids=str)
async def test_a_post_whose_answer_was_lost_is_found_whatever_the_local_clock_says(
    line: Line, offset: timedelta, chatter: int
) -> None:
    await begun_with_a_lost_answer(line, "text", offset)
    await line.wire.post(line.channel, "So it is.", count=chatter)
    await line.restart()
    await line.deliver(minutes=20)
    assert [message.title for message in await line.messages() if message.title] == ["Title of a"]
    assert line.bot.newsroom.duplicates_prevented == 1


@pytest.mark.parametrize("kind", ["forum", "thread", "announcement"])
@pytest.mark.parametrize("offset", [timedelta(days=-3), timedelta(hours=2), timedelta(days=3)], ids=str)
async def test_so_it_is_in_other_places(line: Line, kind: str, offset: timedelta) -> None:
    await begun_with_a_lost_answer(line, kind, offset)
    for number in range(3):
        if kind == "forum":
            await line.wire.open_thread(line.channel, f"Talk {number}", "So it is.")
        else:
            await line.wire.post(line.channel, "So it is.")
    await line.restart()
    await line.deliver(minutes=20)
    held = await line.starters() if kind == "forum" else await line.titles()
    assert [title for title in held if title] == ["Title of a"]


async def test_the_clock_may_be_set_between_the_try_and_the_look(line: Line) -> None:
    await begun_with_a_lost_answer(line, "text", timedelta(hours=5))
    await line.wire.post(line.channel, "So it is.", count=30)
    await line.restart()
    line.clock.now -= timedelta(hours=10)
    await line.deliver(minutes=20)
    assert [message.title for message in await line.messages() if message.title] == ["Title of a"]


def test_before_any_answer_nobody_knows_what_time_it_is_at_discord() -> None:
    assert DiscordTime().horizon() is None


def test_an_id_corrects_a_date_that_is_ahead() -> None:
    now = [100.0]
    clock = DiscordTime(lambda: now[0])
    clock.note_id(1_300_000_000_000_000_000)
    now[0] += 60
    horizon = clock.horizon()
    assert horizon is not None
    assert horizon < 1_300_000_000_000_000_000  # two minutes before, one after


# --- waits


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path, max_age_days=3650) as desk:
        await desk.store.subscriptions.add(guild_id=1, channel_id=5, created_by=2, now=desk.clock())
        yield desk


@pytest.mark.parametrize("back", [timedelta(minutes=20), timedelta(hours=1), timedelta(days=2), timedelta(days=700)])
@pytest.mark.parametrize("trouble", [TryLaterError("503"), TryLaterError("429", timedelta(hours=1))], ids=str)
async def test_a_retry_does_not_wait_for_a_clock_that_was_set_back(
    desk: Desk, back: timedelta, trouble: TryLaterError
) -> None:
    right = desk.clock()
    desk.clock.now += back
    desk.channels.fail = [trouble]
    desk.write("a", publishedDateTime="2026-06-01T01:00:00Z")
    await desk.deliver()
    desk.clock.now = right + timedelta(seconds=1)
    await desk.deliver()
    desk.write("b", publishedDateTime="2026-06-01T02:00:00Z")
    for _ in range(15):
        await desk.deliver(minutes=1)
    assert desk.clock() - right <= LONGEST_WAIT + timedelta(seconds=10)
    assert desk.channels.titles == ["Title of a", "Title of b"]


@pytest.mark.parametrize("back", [timedelta(hours=3), timedelta(days=2), timedelta(days=700)])
async def test_a_closed_channel_is_probed_in_time_by_a_clock_that_was_set_back(desk: Desk, back: timedelta) -> None:
    right = desk.clock()
    desk.clock.now += back
    desk.channels.fail = [ChannelClosedError("closed")]
    desk.write("a")
    await desk.deliver()
    desk.clock.now = right + timedelta(seconds=1)
    await desk.deliver()
    await desk.deliver(seconds=LONGEST_PROBE.total_seconds())
    assert desk.channels.titles == ["Title of a"]


async def test_a_wait_that_was_stored_before_the_start_is_shortened_as_well(desk: Desk) -> None:
    right = desk.clock()
    desk.clock.now += timedelta(days=2)
    desk.channels.fail = [TryLaterError("503")]
    desk.write("a")
    await desk.deliver()
    desk.clock.now = right
    again = Desk(desk.store, desk.folder, desk.channels, max_age_days=3650)
    again.clock.now = right
    await again.deliver()
    assert desk.channels.titles == ["Title of a"]
