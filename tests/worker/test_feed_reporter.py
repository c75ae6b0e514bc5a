"""Trouble of followed feeds, from the site's answer to the message for a server: each once, also over restarts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.delivery.gate import Gate
from bot.domain.feed import NewFeed
from bot.domain.fetch_result import FetchProblem, FetchResult, FetchStatus
from bot.domain.follows import Follow, FollowPolicy
from bot.metrics import Metrics
from bot.sources.feeds.document_reader import DocumentReader
from bot.store import Store
from bot.worker.feed_reporter import FeedReporter
from tests.support.feeds import FakeFetcher, make_poller, story
from tests.support.stage import NOW, ManualClock
from tests.support.worker import MemoryChannels

URL, OTHER = "https://paper.example/feed", "https://gazette.example/feed"
FORBIDDEN = FetchResult(FetchStatus.FAILED, problem=FetchProblem.FORBIDDEN)
GONE = FetchResult(FetchStatus.FAILED, problem=FetchProblem.GONE)
REFUSED = "⚠️ **paper.example**: The site refuses bots."
STOPPED = "⛔ **paper.example**: The site says that the feed is gone for good. No longer checked."
MISSING = FetchResult(FetchStatus.FAILED, problem=FetchProblem.NOT_FOUND)
NOTHING = "⚠️ **paper.example**: There is nothing at this address."
NOT_ANY_MORE = "⛔ **paper.example**: There is nothing at this address. No longer checked."
WORKS = "✅ **The Paper** works again."


@dataclass
class Servers(MemoryChannels):
    """Servers that take messages, or do not; what each was sent without the last line, and where it was to go."""

    closed: set[int] = field(default_factory=set)
    attempts: int = 0
    told: list[tuple[int, str]] = field(default_factory=list)
    places: list[tuple[Sequence[int], int | None]] = field(default_factory=list)

    async def notify_guild(
        self, guild_id: int, text: str, subscribers: Sequence[int], channel_id: int | None = None
    ) -> bool:
        self.attempts += 1
        if guild_id in self.closed:
            return False
        self.told.append((guild_id, text.rpartition("\n")[0]))
        self.places.append((subscribers, channel_id))
        return True

    async def notify_member(self, user_id: int, text: str, nonce: str) -> bool:
        raise AssertionError("no feed is a member's")


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    reader = DocumentReader()
    yield reader
    reader.close()


class Press:
    """Feeds that servers follow, a web on command, and the servers."""

    def __init__(self, store: Store, reader: DocumentReader) -> None:
        self.store, self.reader = store, reader
        self.clock, self.web, self.servers = ManualClock(), FakeFetcher(), Servers()
        self.restart()

    def restart(self) -> None:
        self.poller = make_poller(self.store, self.web, self.reader, self.clock, Metrics())
        self.reporter = FeedReporter(self.store, self.servers, self.clock, Gate(self.clock))

    async def follow(self, guild_id: int = 1, url: str = URL, **fields: Any) -> Follow:
        feed = (await self.store.feeds.add_followed([NewFeed(url)], self.clock()))[url]
        follow = Follow(guild_id, feed.source_id, FollowPolicy.PUBLISH, NOW, **({"created_by": 3} | fields))
        assert await self.store.cards.follows.follow_source(follow)
        return follow

    async def look(self, answer: str | FetchResult, times: int = 1, url: str = URL) -> None:
        """Look at a feed, and report what is due; a day lies between two looks."""
        if isinstance(answer, FetchResult):
            self.web.answers[url] = answer
        else:
            self.web.write_feed(url, answer)
        for _ in range(times):
            self.clock.advance(days=1)
            await self.poller.poll_due()
            await self.reporter.report_due()


@pytest.fixture
def press(store: Store, reader: DocumentReader) -> Press:
    return Press(store, reader)


async def test_trouble_is_told_at_the_third_failure_and_once(press: Press) -> None:
    await press.follow()
    await press.look(FORBIDDEN, times=2)
    assert press.servers.told == []
    await press.look(FORBIDDEN, times=3)
    press.restart()
    await press.look(FORBIDDEN, times=3)
    assert press.servers.told == [(1, REFUSED)]
    assert press.servers.places == [([3], None)]


async def test_it_is_told_again_only_after_the_feed_worked(press: Press) -> None:
    await press.follow()
    await press.look(FORBIDDEN, times=3)
    press.restart()
    await press.look(story(1), times=2)
    assert press.servers.told == [(1, REFUSED), (1, WORKS)]
    await press.look(FORBIDDEN, times=2)
    assert len(press.servers.told) == 2
    await press.look(FORBIDDEN, times=2)
    assert press.servers.told[2:] == [(1, REFUSED.replace("paper.example", "The Paper"))]


async def test_the_end_of_trouble_that_nobody_heard_of_is_no_news(press: Press) -> None:
    await press.follow()
    await press.look(FORBIDDEN, times=2)
    await press.look(story(1), times=2)
    assert press.servers.attempts == 0


async def test_a_feed_that_is_gone_is_told_at_once(press: Press) -> None:
    await press.follow()
    await press.look(GONE, times=2)
    assert press.servers.told == [(1, STOPPED)]


async def test_a_server_that_knows_of_the_trouble_is_told_once_that_the_feed_is_stopped(press: Press) -> None:
    await press.follow()
    await press.look(MISSING, times=40)
    assert press.servers.told == [(1, NOTHING), (1, NOT_ANY_MORE)]
    press.restart()
    await press.look(MISSING, times=3)
    assert len(press.servers.told) == 2
    await press.follow(2)  # begins anew
    await press.look(story(1))
    assert press.servers.told[2:] == [(1, WORKS)]


async def test_a_stopped_feed_works_again_when_it_has_been_fetched(press: Press) -> None:
    await press.follow()
    await press.look(GONE)
    await press.follow(2)  # begins anew
    press.clock.advance(hours=2)
    await press.reporter.report_due()
    assert press.servers.told == [(1, STOPPED)]
    await press.look(story(1))
    assert press.servers.told == [(1, STOPPED), (1, WORKS)]


async def test_two_servers_are_each_told_once(press: Press) -> None:
    await press.follow(1)
    await press.follow(2)
    await press.follow(3, OTHER)
    press.web.write_feed(OTHER, story(2))
    await press.store.moderation.reviews.set_channel(2, 22, 10, NOW, press.clock() - NOW)
    await press.look(FORBIDDEN, times=5)
    assert press.servers.told == [(1, REFUSED), (2, REFUSED)]
    assert press.servers.places == [([3], None), ([3], 22)]


async def test_feeds_of_one_server_come_together(press: Press) -> None:
    await press.follow(created_by=4)
    await press.follow(url=OTHER, created_by=3)
    press.web.answers[OTHER] = FORBIDDEN
    await press.look(FORBIDDEN, times=3)
    assert press.servers.told == [(1, f"{REFUSED}\n{REFUSED.replace('paper', 'gazette')}")]
    assert press.servers.places == [([3, 4], None)]


async def test_a_server_that_cannot_be_reached_stops_nobody_and_is_told_later(press: Press) -> None:
    await press.follow(1)
    await press.follow(2)
    press.servers.closed = {1}
    await press.look(FORBIDDEN, times=4)
    assert press.servers.told == [(2, REFUSED)]
    assert len(press.web.requested_urls) == 4
    attempts = press.servers.attempts
    press.clock.advance(minutes=10)
    await press.reporter.report_due()
    assert press.servers.attempts == attempts, "not again within the hour"
    press.servers.closed = set()
    await press.look(FORBIDDEN, times=2)
    assert press.servers.told == [(2, REFUSED), (1, REFUSED)]


async def test_while_a_server_pauses_a_feed_it_hears_of_no_trouble(press: Press) -> None:
    follow = await press.follow()
    await press.store.cards.follows.edit_follow(replace(follow, paused=True))
    await press.look(FORBIDDEN, times=4)
    assert press.servers.told == []
    await press.store.cards.follows.edit_follow(follow)
    await press.look(FORBIDDEN)
    assert press.servers.told == [(1, REFUSED)]


async def test_it_is_told_in_the_language_of_the_server(press: Press) -> None:
    await press.follow()
    await press.store.subscriptions.guild_settings.store_languages({1: "de"})
    await press.look(GONE)
    assert press.servers.told[0][1].endswith("Ich rufe ihn nicht mehr ab.")
