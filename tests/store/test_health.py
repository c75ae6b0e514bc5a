"""What waits, and since when: as those who watch the bot see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.delivery.sender import ChannelClosedError, RetryLaterError
from bot.errors import StoreError
from bot.store.database import open_database
from bot.store.health import FeedHealth, StoreHealth
from tests.support.stores import url_of
from tests.support.worker import WorkerHarness, open_harness

NO_FEEDS = dict.fromkeys(("fine", "failing", "stopped", "paused"), 0)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    async with open_harness(tmp_path) as harness:
        await harness.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=7, now=harness.clock())
        yield harness


async def read_health(harness: WorkerHarness) -> StoreHealth:
    return await harness.store.health.read_health(harness.clock())


async def test_cards_are_counted_by_state_and_nothing_waits_once_it_is_posted(harness: WorkerHarness) -> None:
    harness.write_card("one")
    harness.write_card("two", published="false")
    harness.write_card("gone")
    await harness.deliver_due()
    (harness.folder / "gone.md").unlink()
    await harness.deliver_due()
    await harness.deliver_due(seconds=5)
    assert await read_health(harness) == StoreHealth(
        {"held": 1, "published": 1, "withdrawn": 1}, 0, None, 0, FeedHealth(NO_FEEDS)
    )


async def test_a_post_in_trouble_waits_since_it_was_planned_whenever_it_is_tried_next(harness: WorkerHarness) -> None:
    harness.write_card("one")
    harness.channels.fail = [RetryLaterError("trouble", timedelta(hours=2))]
    await harness.deliver_due()
    planned = harness.clock()
    harness.clock.advance(minutes=20)
    found = await read_health(harness)
    assert (found.waiting, found.oldest) == (1, planned)


async def test_a_closed_channel_is_counted_and_makes_nobody_late(harness: WorkerHarness) -> None:
    harness.write_card("one")
    harness.channels.fail = [ChannelClosedError("closed")]
    await harness.deliver_due()
    harness.clock.advance(hours=5)
    found = await read_health(harness)
    assert (found.waiting, found.oldest, found.closed_channels) == (1, None, 1)


async def test_an_edit_of_an_old_post_waits_since_its_change(harness: WorkerHarness) -> None:
    harness.write_card("one")
    await harness.deliver_due()
    harness.clock.advance(days=2)
    harness.write_card("one", title="Another")
    await harness.worker.load_cards()
    found = await read_health(harness)
    assert (found.waiting, found.oldest) == (1, harness.clock())


async def test_what_is_put_off_on_purpose_does_not_wait(harness: WorkerHarness, tmp_path: Path) -> None:
    harness.write_card("one")
    await harness.worker.load_cards()
    later = (harness.clock() + timedelta(hours=8)).timestamp() * 1_000_000
    async with open_database(url_of(tmp_path / "test.db")) as database, database.begin_write() as connection:
        await connection.execute(text("UPDATE deliveries SET due_at = :later"), {"later": int(later)})
    assert (await read_health(harness)).waiting == 0


async def test_a_store_that_takes_no_changes_says_so(harness: WorkerHarness, tmp_path: Path) -> None:
    await harness.store.health.probe_write(harness.clock())
    await harness.store.health.probe_write(harness.clock())
    assert await harness.store.key_values.get_value("probed") == harness.clock().isoformat()
    async with open_database(url_of(tmp_path / "test.db")) as database, database.begin_write() as connection:
        await connection.execute(text("ALTER TABLE key_values RENAME TO elsewhere"))
        await connection.execute(text("ALTER TABLE circuits RENAME TO elsewhere_too"))
    with pytest.raises(StoreError, match="cannot be written"):
        await harness.store.health.probe_write(harness.clock())
    with pytest.raises(StoreError, match="cannot be read"):
        await read_health(harness)
