"""Poll feeds: what is due is asked of the store, fetched, read, stored and noted, in that order.

A process that is killed anywhere between finds the feed due again, and in it nothing that is new.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.feed import Feed
from bot.domain.feed_schedule import FAILURES_TO_REPORT, FeedState, FetchInterval, record_failure, record_fetch
from bot.domain.fetch_result import FetchProblem, FetchRequest, FetchResult, FetchStatus
from bot.errors import StoreError
from bot.metrics import Metrics
from bot.sources.feeds.feed_importer import FeedImport, FeedImporter
from bot.sources.feeds.model import FeedReadResult, FetchedDocument, RefusalReason
from bot.store.sources.feeds import FeedStore, FetchNote

_log = logging.getLogger(__name__)

_MAX_AT_ONCE = 30
"""Feeds being fetched, or fetched and not yet stored; each may hold a document of 5 MB in memory."""
_LOOK_SECONDS = 2.0
"""Seconds between two looks for due feeds."""
_INTERNAL = "internal"
"""The problem of a feed on which our own code failed."""


class FeedFetcher(Protocol):
    """What fetches documents. Trouble of any kind is a result."""

    async def fetch(self, request: FetchRequest, now: datetime) -> FetchResult: ...


class FeedReader(Protocol):
    """What reads fetched feeds, in a process of its own."""

    async def read_feeds(self, documents: Sequence[FetchedDocument]) -> list[FeedReadResult | RefusalReason]: ...


OpenFetcher = Callable[[], AbstractAsyncContextManager[FeedFetcher]]


@dataclass(slots=True)
class PollReport:
    """What polling came to: feeds fetched, those of them that were unchanged or failed, cards added and changed."""

    fetched: int = 0
    unchanged: int = 0
    failed: int = 0
    added: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A feed, what fetching it came to, and when."""

    feed: Feed
    result: FetchResult
    at: datetime


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
        self._importer = importer
        self._open_fetcher = open_fetcher
        self._reader = reader
        self._clock = clock
        self._interval = interval
        self._metrics = metrics
        self._chance = chance
        self._running: dict[asyncio.Task[_Fetched], str] = {}
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
        # What ends while this batch is being stored forms the next one.
        done = [task for task in self._running if task.done()]
        fetched = [task.result() for task in done]
        try:
            await self._process_batch(fetched, report)
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

    async def _process_batch(self, batch: Sequence[_Fetched], report: PollReport) -> None:
        new = [each for each in batch if each.result.status is FetchStatus.NEW]
        readings = await self._reader.read_feeds([_to_document(each) for each in new]) if new else []
        by_feed = {each.feed.source_id: reading for each, reading in zip(new, readings, strict=True)}
        notes = [await self._process_feed(each, by_feed.get(each.feed.source_id), report) for each in batch]
        if notes:
            await self._store.note_results(notes, self._clock())

    async def _process_feed(
        self, fetched: _Fetched, reading: FeedReadResult | RefusalReason | None, report: PollReport
    ) -> FetchNote:
        """Store what came, and make the note of it."""
        feed, result = fetched.feed, fetched.result
        report.fetched += 1
        if result.status is FetchStatus.FAILED or isinstance(reading, RefusalReason):
            problem = reading if isinstance(reading, RefusalReason) else result.problem
            return self._note_failure(fetched, str(problem), report)
        if reading is None:
            report.unchanged += 1
            self._metrics.count_feed_fetch("unchanged")
            return self._note_success(fetched, None)
        try:
            imported = await self._importer.import_items(feed, reading, fetched.at)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - one feed must not keep the others from being looked at
            _log.exception("The items of a feed of %s could not be stored", feed.host)
            return self._note_failure(fetched, _INTERNAL, report)
        self._count_import(imported, report)
        return self._note_success(fetched, reading)

    def _count_import(self, imported: FeedImport, report: PollReport) -> None:
        report.added += imported.added
        report.changed += imported.changed
        self._metrics.count_feed_fetch("new")
        self._metrics.count_feed_cards(imported.added)
        if imported.added or imported.changed:
            self.on_changed()

    def _note_success(self, fetched: _Fetched, reading: FeedReadResult | None) -> FetchNote:
        feed = fetched.feed
        ttl = reading.ttl if reading else None
        state, new_url = record_fetch(
            feed.state, fetched.result, fetched.at, self._interval, jitter=self._chance(), ttl=ttl
        )
        if feed.state.failures >= FAILURES_TO_REPORT:
            _log.info("The feed %s of %s works again", feed.title or feed.name, feed.host)
        if reading is None:
            return FetchNote(feed.source_id, state, url=new_url)
        return FetchNote(
            feed.source_id,
            state,
            is_read=True,
            url=new_url,
            title=reading.title,
            site=reading.site or "",
            language=reading.language,
        )

    def _note_failure(self, fetched: _Fetched, problem: str, report: PollReport) -> FetchNote:
        report.failed += 1
        self._metrics.count_feed_fetch("failed")
        feed = fetched.feed
        retry_after = fetched.result.retry_after
        state = record_failure(
            feed.state, problem, fetched.at, self._interval, jitter=self._chance(), retry_after=retry_after
        )
        _log_failure(feed, state)
        return FetchNote(feed.source_id, state)


def _log_failure(feed: Feed, state: FeedState) -> None:
    """Log once that a feed has been failing for a while, or is gone. Without its address, which may hold a key."""
    if state.next_fetch_at is None:
        _log.warning("The feed %s of %s is gone, and is not fetched any more", feed.title or feed.name, feed.host)
    elif state.failures == FAILURES_TO_REPORT:
        _log.warning(
            "The feed %s of %s has failed %s times: %s",
            feed.title or feed.name,
            feed.host,
            state.failures,
            state.problem,
        )


async def _fetch_feed(fetcher: FeedFetcher, feed: Feed, now: datetime) -> _Fetched:
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
    return _Fetched(feed, result, now)


def _to_document(fetched: _Fetched) -> FetchedDocument:
    result = fetched.result
    return FetchedDocument(result.body, result.content_type, result.url, fetched.at)
