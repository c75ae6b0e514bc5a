"""Feeds in the background: from the operator's list and a site on loopback to the channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.sources.feeds.opml import OpmlFeed, write_opml
from tests.support.feed_server import FeedServer, serve_feeds
from tests.support.feeds import story
from tests.support.polling import wait_until
from tests.support.stage import NOW
from tests.support.worker import WorkerHarness, open_harness


@pytest.fixture
def site() -> Iterator[FeedServer]:
    with serve_feeds() as server:
        server.items["/a"] = [story(1)]
        server.items["/b"] = []
        yield server


@pytest.fixture
async def harness(tmp_path: Path, site: FeedServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkerHarness]:
    """A worker with both feeds in its list, and a subscription that is older than they are."""
    monkeypatch.setattr("bot.sources.feeds.poller._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("bot.worker.worker._PLAN_DELAY", 0.05)
    monkeypatch.setattr("bot.worker.worker._RECOUNT_SECONDS", 0.2)
    write_list(tmp_path, site.url_of("/a"), site.url_of("/b"))
    options: dict[str, Any] = {"feeds": tmp_path / "feeds.opml", "fetch_private": site.host}
    async with open_harness(tmp_path, tick_seconds=3600, **options) as opened:
        await opened.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=3, now=NOW)
        try:
            yield opened
        finally:
            await opened.worker.stop()


def write_list(folder: Path, *urls: str) -> None:
    (folder / "feeds.opml").write_bytes(write_opml("", [OpmlFeed(url, topics=("Ships",)) for url in urls]))


def count_answers(site: FeedServer) -> int:
    return sum(site.answers.values())


async def test_from_the_list_to_the_channel(harness: WorkerHarness, site: FeedServer) -> None:
    harness.clock.advance(seconds=1)
    harness.worker.start()
    await wait_until(lambda: count_answers(site) == 2)
    site.items["/a"] = [story(2), story(1)]
    site.items["/b"] = [story(3)]
    harness.clock.advance(hours=2)
    await wait_until(lambda: len(harness.channels.titles) == 2)
    assert sorted(harness.channels.titles) == ["Story 2", "Story 3"], "the first story was there before"
    harness.clock.advance(hours=2)
    await wait_until(lambda: site.answers["304"] == 2)
    assert len(harness.channels.titles) == 2
    assert await harness.store.cards.list_all_topics(1) == ["Ships"]


@pytest.mark.slow
async def test_trap_48_the_list_is_followed_while_the_bot_runs(
    harness: WorkerHarness, site: FeedServer, tmp_path: Path
) -> None:
    harness.worker.start()
    await wait_until(lambda: count_answers(site) == 2)
    write_list(tmp_path, site.url_of("/b"))
    await wait_until_paused(harness, 1)
    site.items["/a"] = [story(2), story(1)]
    harness.clock.advance(hours=2)
    await wait_until(lambda: count_answers(site) == 3)
    page = await harness.store.cards.list_latest(1, limit=10)
    assert [each.card.title for each in page.cards] == ["Story 1"]
    (tmp_path / "feeds.opml").write_text("<opml", "utf-8")
    await wait_until(lambda: "is no list of feeds" in harness.worker.find_problems().get("feed list", ""))
    await wait_until_paused(harness, 1)
    write_list(tmp_path, site.url_of("/a"), site.url_of("/b"))
    await wait_until_paused(harness, 0)
    assert "feed list" not in harness.worker.find_problems()
    await wait_until(lambda: len(harness.channels.titles) == 1)


async def wait_until_paused(harness: WorkerHarness, number: int) -> None:
    async def has_paused() -> bool:
        return (await harness.store.feeds.count_states())["paused"] == number

    await wait_until(has_paused)


async def test_who_is_not_the_leader_does_not_poll(harness: WorkerHarness, site: FeedServer) -> None:
    async with harness.store.leader.leader_lock(lambda: None) as other:
        assert await other.try_acquire()
        harness.worker.start()
        await wait_until(lambda: harness.worker.supervisor.is_running("feeds"))
        await asyncio.sleep(0.3)
        assert count_answers(site) == 0
    await wait_until(lambda: count_answers(site) == 2)
