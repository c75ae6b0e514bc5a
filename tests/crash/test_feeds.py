"""Feeds as the source: killed while it fetches, stores, plans and sends, with a site that fails between."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.feed import NewFeed
from bot.store import open_store
from bot.store.sources.feeds import FetchNote
from tests.crash.process import BotProcess
from tests.crash.story import is_quiet
from tests.support.feed_server import FeedServer, serve_feeds
from tests.support.feeds import story
from tests.support.polling import wait_until
from tests.wire.client import WireDiscord

KILLS, FEEDS, CHANNELS = 6, 5, 3
_AN_HOUR_AGO = timedelta(hours=1)


@pytest.mark.timeout(300)
async def test_every_item_comes_once_whatever_is_killed_and_fails(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with WireDiscord() as wire:
        await wire.reset_world(limits=False)
        guild = await wire.add_guild(*["text"] * CHANNELS)
        channels = [channel.id for channel in guild.channels]
        with serve_feeds() as site, BotProcess(tmp_path / "run", wire.address.api, fetch_private=site.host) as bot:
            await bot.prepare_store(channels, guild.id, 0)
            await _add_feeds(bot, [site.url_of(f"/{number}") for number in range(FEEDS)])
            site.failing = 0.3
            items = 0
            for _ in range(KILLS):
                items = _publish(site, items)
                await _start(bot)
                await _wait_for_fetch(site)
                await asyncio.sleep(chance.uniform(0, 1))
                bot.kill()
            site.failing = 0.0
            await _start(bot)
            await wait_until(lambda: is_quiet(bot, items * CHANNELS), within=120)
            assert bot.terminate() == 0, bot.log
        assert site.answers["200"] > FEEDS
        assert set(site.answers) - {"200", "304"}, "the site should have failed now and then"
        for channel_id in channels:
            titles = Counter(message.title for message in await wire.list_messages(channel_id))
            assert titles == Counter(f"Card {number}" for number in range(items))


async def _add_feeds(bot: BotProcess, urls: Sequence[str]) -> None:
    """Add feeds that were looked at before and held nothing."""
    before = datetime.now(UTC) - _AN_HOUR_AGO
    async with open_store(bot.url) as store:
        await store.feeds.add_feeds([NewFeed(url) for url in urls], before)
        notes = [FetchNote(feed.source_id, feed.state, is_read=True) for feed in await store.feeds.list_feeds()]
        await store.feeds.note_results(notes, before)


def _publish(site: FeedServer, items: int) -> int:
    """Add two items to every feed. Returns how many there are now."""
    for _ in range(2):
        for feed in range(FEEDS):
            path = f"/{feed}"
            date = f"{datetime.now(UTC) - _AN_HOUR_AGO:%a, %d %b %Y %H:%M:%S} GMT"
            item = story(items, title=f"Card {items}", date=date)
            site.items[path] = [item, *site.items.get(path, ())]
            items += 1
    return items


async def _wait_for_fetch(site: FeedServer) -> None:
    """Wait until a feed is asked for: everything that is to be interrupted comes after it."""
    before = sum(site.answers.values())
    await wait_until(lambda: sum(site.answers.values()) > before)


async def _start(bot: BotProcess) -> None:
    """Start with all feeds due: a test cannot wait for the minutes that a site is left alone."""
    async with open_store(bot.url) as store:
        now = datetime.now(UTC)
        await store.feeds.reschedule_all(now, latest=now)
    bot.start()
