"""The leader changes while it looks at a feed: whoever stores it, each item is one card and one post."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.feed import NewFeed
from bot.store import open_store
from bot.store.engines import postgresql
from bot.store.sources.feeds import FetchNote
from tests.crash.cluster import new_database
from tests.crash.process import BotProcess
from tests.sources.feeds.documents import rss
from tests.sources.feeds.web_server import WebServer, respond
from tests.support.feeds import story
from tests.support.polling import wait_until
from tests.support.postgres import PostgresServer
from tests.support.stores import query_database
from tests.wire.client import WireDiscord

pytestmark = pytest.mark.postgresql
PATIENCE = 120.0
ITEMS = 5
_HOLDER = (
    "FROM pg_locks WHERE locktype = 'advisory' AND granted"
    f" AND classid = {postgresql._LEADER_LOCK >> 32} AND objid = {postgresql._LEADER_LOCK & 0xFFFFFFFF}"
)


class HeldSite:
    """A site that answers its first requests only when it is told to."""

    def __init__(self) -> None:
        self.server = WebServer()
        self.asked = 0
        self.go_on = asyncio.Event()
        self.server.answers["/feed"] = [self._answer]

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        await self.go_on.wait()
        date = f"{datetime.now(UTC) - timedelta(hours=1):%a, %d %b %Y %H:%M:%S} GMT"
        items = [story(number, date=date) for number in range(ITEMS)]
        writer.write(respond(200, rss(*items).encode(), Content_Type="application/rss+xml"))
        await writer.drain()


@pytest.mark.parametrize("end", ["loses its lock", "kill", "terminate"])
async def test_a_feed_that_two_leaders_look_at_brings_each_item_once(
    server: PostgresServer, tmp_path: Path, end: str
) -> None:
    site = HeldSite()
    async with WireDiscord() as wire, site.server.serve():
        guild = await wire.add_guild("text")
        channel = guild.channels[0].id
        settings = {"log_level": "INFO", "fetch_private": f"127.0.0.1:{site.server.port}"}
        with (
            new_database(server) as url,
            BotProcess(tmp_path / "1", wire.address.api, url, "courier", **settings) as first,
            BotProcess(tmp_path / "2", wire.address.api, url, "courier", **settings) as second,
        ):
            await first.prepare_store([channel], guild.id, 0)
            await _add_feed(url, site.server.url("/feed"))
            first.start()
            await wait_until(lambda: "Acquired leadership" in first.log, within=PATIENCE)
            second.start()
            await wait_until(lambda: "standing by" in second.log, within=PATIENCE)
            _make_due(url)
            await wait_until(lambda: site.asked == 1, within=PATIENCE)
            if end == "loses its lock":
                await _take_lock_away(url, second)
            else:
                getattr(first, end)()
            _make_due(url)  # a slow machine may have let the first look run into its time limit
            await wait_until(lambda: site.asked >= 2, within=PATIENCE)
            site.go_on.set()
            await wire.wait_for_messages(channel, ITEMS, within=PATIENCE)
            await wait_until(lambda: _count(url, "deliveries WHERE due_at IS NOT NULL") == 0, within=PATIENCE)
            for bot in (first, second):
                assert not bot.running or bot.terminate() == 0, bot.log
            assert _count(url, "cards") == ITEMS
        titles = Counter(message.title for message in await wire.list_messages(channel))
        assert titles == Counter(f"Story {number}" for number in range(ITEMS))


async def _add_feed(url: str, address: str) -> None:
    """Add a feed that was looked at before and held nothing, and is not due yet."""
    before, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    async with open_store(url) as store:
        await store.feeds.add_feeds([NewFeed(address)], before)
        (feed,) = await store.feeds.list_feeds()
        state = replace(feed.state, next_fetch_at=later)
        await store.feeds.note_results([FetchNote(feed.source_id, state, is_read=True)], before)


def _make_due(url: str) -> None:
    query_database(url, "UPDATE feeds SET next_fetch_at = fetched_at")


async def _take_lock_away(url: str, other: BotProcess) -> None:
    """Again and again, until the one that looks first is the other one."""
    async with asyncio.timeout(PATIENCE):
        while "Acquired leadership" not in other.log:
            query_database(url, f"SELECT pg_terminate_backend(pid) {_HOLDER}")
            await asyncio.sleep(0.7)


def _count(url: str, what: str) -> int:
    ((number,),) = query_database(url, f"SELECT count(*) FROM {what}")
    return int(number)
