"""Clocks that are wrong: nothing is posted twice for it, and nothing waits for longer than it would have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.client.discord_time import DiscordTime
from bot.delivery.sender import ChannelClosedError, RetryLaterError
from bot.domain.backoff import MAX_PROBE_DELAY, MAX_RETRY_DELAY
from tests.support.line import WireHarness
from tests.support.worker import WorkerHarness, open_harness

OFFSETS = [
    timedelta(days=-100), timedelta(days=-3), timedelta(hours=-2), timedelta(minutes=-11), timedelta(minutes=11),
    timedelta(hours=2), timedelta(days=3), timedelta(days=400),
]  # fmt: skip


async def start_with_lost_answer(harness: WireHarness, kind: str, offset: timedelta) -> None:
    """A post is in its channel, and the process that made it ends before it knows."""
    await harness.wire.configure_settings(nonce_window=0.0)
    await harness.subscribe_channel(kind)
    harness.clock.now = datetime.now(UTC) + offset
    await harness.bot.store.outbox.planner.plan_deliveries(harness.clock(), timedelta(days=1))
    await harness.wire.add_fault("lost", "POST", "/threads$" if kind == "forum" else "/messages$")
    harness.write_card("a", publishedDateTime=f"{harness.clock() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    await harness.deliver_due()


@pytest.mark.parametrize("chatter", [1, 200])
@pytest.mark.parametrize("offset", OFFSETS, ids=str)
async def test_a_post_whose_answer_was_lost_is_found_whatever_the_local_clock_says(
    harness: WireHarness, offset: timedelta, chatter: int
) -> None:
    await start_with_lost_answer(harness, "text", offset)
    await harness.wire.post_message(harness.channel, "So it is.", count=chatter)
    await harness.restart_bot()
    await harness.deliver_due(minutes=20)
    assert [message.title for message in await harness.list_messages() if message.title] == ["Title of a"]
    assert harness.bot.pipeline.duplicates_prevented == 1


@pytest.mark.parametrize("kind", ["forum", "thread", "announcement"])
@pytest.mark.parametrize("offset", [timedelta(days=-3), timedelta(hours=2), timedelta(days=3)], ids=str)
async def test_so_it_is_in_other_places(harness: WireHarness, kind: str, offset: timedelta) -> None:
    await start_with_lost_answer(harness, kind, offset)
    for number in range(3):
        if kind == "forum":
            await harness.wire.open_thread(harness.channel, f"Talk {number}", "So it is.")
        else:
            await harness.wire.post_message(harness.channel, "So it is.")
    await harness.restart_bot()
    await harness.deliver_due(minutes=20)
    held = await harness.starter_titles() if kind == "forum" else await harness.message_titles()
    assert [title for title in held if title] == ["Title of a"]


async def test_the_clock_may_be_set_between_the_try_and_the_look(harness: WireHarness) -> None:
    await start_with_lost_answer(harness, "text", timedelta(hours=5))
    await harness.wire.post_message(harness.channel, "So it is.", count=30)
    await harness.restart_bot()
    harness.clock.now -= timedelta(hours=10)
    await harness.deliver_due(minutes=20)
    assert [message.title for message in await harness.list_messages() if message.title] == ["Title of a"]


def test_before_any_answer_nobody_knows_what_time_it_is_at_discord() -> None:
    assert DiscordTime().newest_id_bound() is None


def test_an_id_corrects_a_date_that_is_ahead() -> None:
    now = [100.0]
    clock = DiscordTime(lambda: now[0])
    clock.note_id(1_300_000_000_000_000_000)
    now[0] += 60
    horizon = clock.newest_id_bound()
    assert horizon is not None
    assert horizon < 1_300_000_000_000_000_000  # two minutes before, one after


# --- waits


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    async with open_harness(tmp_path, max_age_days=3650) as harness:
        await harness.store.subscriptions.add_subscription(guild_id=1, channel_id=5, created_by=2, now=harness.clock())
        yield harness


@pytest.mark.parametrize("back", [timedelta(minutes=20), timedelta(hours=1), timedelta(days=2), timedelta(days=700)])
@pytest.mark.parametrize("trouble", [RetryLaterError("503"), RetryLaterError("429", timedelta(hours=1))], ids=str)
async def test_a_retry_does_not_wait_for_a_clock_that_was_set_back(
    desk: WorkerHarness, back: timedelta, trouble: RetryLaterError
) -> None:
    right = desk.clock()
    desk.clock.now += back
    desk.channels.fail = [trouble]
    desk.write_card("a", publishedDateTime="2026-06-01T01:00:00Z")
    await desk.deliver_due()
    desk.clock.now = right + timedelta(seconds=1)
    await desk.deliver_due()
    desk.write_card("b", publishedDateTime="2026-06-01T02:00:00Z")
    for _ in range(15):
        await desk.deliver_due(minutes=1)
    assert desk.clock() - right <= MAX_RETRY_DELAY + timedelta(seconds=10)
    assert desk.channels.titles == ["Title of a", "Title of b"]


@pytest.mark.parametrize("back", [timedelta(hours=3), timedelta(days=2), timedelta(days=700)])
async def test_a_closed_channel_is_probed_in_time_by_a_clock_that_was_set_back(
    desk: WorkerHarness, back: timedelta
) -> None:
    right = desk.clock()
    desk.clock.now += back
    desk.channels.fail = [ChannelClosedError("closed")]
    desk.write_card("a")
    await desk.deliver_due()
    desk.clock.now = right + timedelta(seconds=1)
    await desk.deliver_due()
    await desk.deliver_due(seconds=MAX_PROBE_DELAY.total_seconds())
    assert desk.channels.titles == ["Title of a"]


async def test_a_wait_that_was_stored_before_the_start_is_shortened_as_well(desk: WorkerHarness) -> None:
    right = desk.clock()
    desk.clock.now += timedelta(days=2)
    desk.channels.fail = [RetryLaterError("503")]
    desk.write_card("a")
    await desk.deliver_due()
    desk.clock.now = right
    again = WorkerHarness(desk.store, desk.folder, desk.channels, max_age_days=3650)
    again.clock.now = right
    await again.deliver_due()
    assert desk.channels.titles == ["Title of a"]
