"""What waits, and since when: as those who watch the bot see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.delivery.poster import ChannelClosedError, TryLaterError
from bot.errors import StoreError
from bot.store.database import open_database
from bot.store.vitals import Vitals
from tests.support.desk import Desk, a_desk
from tests.support.stores import url_of


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as desk:
        await desk.store.subscriptions.add(guild_id=1, channel_id=2, created_by=7, now=desk.clock())
        yield desk


async def vitals(desk: Desk) -> Vitals:
    return await desk.store.health.vitals(desk.clock())


async def test_cards_are_counted_by_state_and_nothing_waits_once_it_is_posted(desk: Desk) -> None:
    desk.write("one")
    desk.write("two", published="false")
    desk.write("gone")
    await desk.deliver()
    (desk.folder / "gone.md").unlink()
    await desk.deliver()
    await desk.deliver(seconds=5)
    assert await vitals(desk) == Vitals({"held": 1, "published": 1, "withdrawn": 1}, 0, None, 0)


async def test_a_post_in_trouble_waits_since_it_was_planned_whenever_it_is_tried_next(desk: Desk) -> None:
    desk.write("one")
    desk.channels.fail = [TryLaterError("trouble", timedelta(hours=2))]
    await desk.deliver()
    planned = desk.clock()
    desk.clock.move(minutes=20)
    found = await vitals(desk)
    assert (found.waiting, found.oldest) == (1, planned)


async def test_a_closed_channel_is_counted_and_makes_nobody_late(desk: Desk) -> None:
    desk.write("one")
    desk.channels.fail = [ChannelClosedError("closed")]
    await desk.deliver()
    desk.clock.move(hours=5)
    found = await vitals(desk)
    assert (found.waiting, found.oldest, found.closed_channels) == (1, None, 1)


async def test_an_edit_of_an_old_post_waits_since_its_change(desk: Desk) -> None:
    desk.write("one")
    await desk.deliver()
    desk.clock.move(days=2)
    desk.write("one", title="Another")
    await desk.newsroom.load()
    found = await vitals(desk)
    assert (found.waiting, found.oldest) == (1, desk.clock())


async def test_what_is_put_off_on_purpose_does_not_wait(desk: Desk, tmp_path: Path) -> None:
    desk.write("one")
    await desk.newsroom.load()
    later = (desk.clock() + timedelta(hours=8)).timestamp() * 1_000_000
    async with open_database(url_of(tmp_path / "test.db")) as database, database.write() as connection:
        await connection.execute(text("UPDATE deliveries SET due_at = :later"), {"later": int(later)})
    assert (await vitals(desk)).waiting == 0


async def test_a_store_that_takes_no_changes_says_so(desk: Desk, tmp_path: Path) -> None:
    await desk.store.health.probe(desk.clock())
    await desk.store.health.probe(desk.clock())
    assert await desk.store.meta.get("probed") == desk.clock().isoformat()
    async with open_database(url_of(tmp_path / "test.db")) as database, database.write() as connection:
        await connection.execute(text("ALTER TABLE meta RENAME TO elsewhere"))
        await connection.execute(text("ALTER TABLE circuits RENAME TO elsewhere_too"))
    with pytest.raises(StoreError, match="cannot be written"):
        await desk.store.health.probe(desk.clock())
    with pytest.raises(StoreError, match="cannot be read"):
        await vitals(desk)
