"""Poll feeds: what is due is asked of the store, fetched, read, stored and noted, in that order.

A process that is killed anywhere between finds the feed due again, and in it nothing that is new.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol

from bot.domain.feed import Feed
from bot.domain.feed_schedule import FetchInterval
from bot.domain.fetch_result import FetchProblem, FetchRequest, FetchResult, FetchStatus
from bot.metrics import Metrics
from bot.sources.feeds.feed_importer import FeedImporter
from bot.sources.feeds.fetch_processor import FeedReader, FetchedFeed, FetchProcessor, PollReport
from bot.store.sources.feeds import FeedStore

_log = logging.getLogger(__name__)

_MAX_AT_ONCE = 30
"""Feeds being fetched, or fetched and not yet stored; each may hold a document of 5 MB in memory."""
_LOOK_SECONDS = 2.0
"""Seconds between two looks for due feeds."""
_COLLECT_SECONDS = 0.1
"""Seconds in which others may join the first feed that was fetched: they are stored and noted together."""


class FeedFetcher(Protocol):
    """What fetches documents. Trouble of any kind is a result."""

    async def fetch(self, request: FetchRequest, now: datetime) -> FetchResult: ...


OpenFetcher = Callable[[], AbstractAsyncContextManager[FeedFetcher]]


class FeedPoller:
    """Polls the feeds of a store. One process does so at a time.

    `on_changed` is called after cards were stored. `chance` gives the jitter of the next fetch, in 0..1.
    """

    def __init__(
        self,
        store: FeedStore,
        importer: FeedImporter,
        open_fetcher: OpenFetcher,
        reader: FeedReader,
        clock: Callable[[], datetime],
        interval: FetchInterval,
        metrics: Metrics,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._open_fetcher = open_fetcher
        self._clock = clock
        self._interval = interval
        self._processor = FetchProcessor(store, importer, reader, clock, interval, metrics, chance)
        self._running: dict[asyncio.Task[FetchedFeed], str] = {}
        """Fetches under way, with their hosts."""
        self._polled_at: datetime | None = None
        self._stopping, self._stopped = asyncio.Event(), asyncio.Event()
        self._stopped.set()
        self.on_changed: Callable[[], None] = lambda: None

    async def run_polling(self, is_leader: Callable[[], bool]) -> None:
        """Poll as long as this process is the leader, and wait for that. Raises `StoreError` if the store fails."""
        self._stopped.clear()
        try:
            async with self._open_fetcher() as fetcher, self._cancel_at_end():
                while not self._stopping.is_set():
                    if is_leader():
                        await self._start_due(fetcher)
                    await self._finish_some(PollReport())
        finally:
            self._stopped.set()

    async def stop(self) -> None:
        """End `run_polling` for good, after what has been fetched is stored and noted."""
        self._stopping.set()
        await self._stopped.wait()

    async def poll_due(self) -> PollReport:
        """Poll everything that is due now, once."""
        report = PollReport()
        async with self._open_fetcher() as fetcher, self._cancel_at_end():
            # A feed that is done is due later, so that this ends. One that waits for its host is found then.
            while await self._start_due(fetcher) or self._running:
                await self._finish_some(report)
        return report

    async def _start_due(self, fetcher: FeedFetcher) -> int:
        """Start fetching what is due, as far as there is room. Returns the number of feeds."""
        now = self._clock()
        if self._polled_at is None or now < self._polled_at:
            # At the start as well: the clock may have been set back while nobody looked.
            await self._store.reschedule_all(now, self._interval.latest_fetch_at(now))
        self._polled_at = now
        room = _MAX_AT_ONCE - len(self._running)
        due = await self._store.fetch_due(now, room, frozenset(self._running.values())) if room > 0 else []
        for feed in due:
            self._running[asyncio.create_task(_fetch_feed(fetcher, feed, now), name="fetch of a feed")] = feed.host
        return len(due)

    async def _finish_some(self, report: PollReport) -> None:
        """Wait for fetches to end, or for the next look; store and note what has come."""
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([*self._running, stopping], timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=_COLLECT_SECONDS)
        # What ends while this batch is being stored forms the next one.
        done = [task for task in self._running if task.done()]
        try:
            if await self._processor.process_batch([task.result() for task in done], report):
                self.on_changed()
        finally:
            # Only now: a feed that is not noted yet is still due.
            for task in done:
                del self._running[task]

    @asynccontextmanager
    async def _cancel_at_end(self) -> AsyncIterator[None]:
        """Cancel the fetches that are under way at the end."""
        try:
            yield
        finally:
            running, self._running = self._running, {}
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)


async def _fetch_feed(fetcher: FeedFetcher, feed: Feed, now: datetime) -> FetchedFeed:
    state = feed.state
    # A feed that starts over is read in any case: its backlog must be known before anything counts as new.
    is_known = feed.read_at is not None
    request = FetchRequest(
        feed.url,
        etag=state.etag if is_known else "",
        last_modified=state.last_modified if is_known else "",
        body_hash=state.body_hash if is_known else "",
    )
    try:
        result = await fetcher.fetch(request, now)
    except Exception:  # noqa: BLE001 - never to happen; as above
        _log.exception("A feed of %s could not be fetched", feed.host)
        result = FetchResult(FetchStatus.FAILED, problem=FetchProblem.INVALID_RESPONSE)
    return FetchedFeed(feed, result, now)
