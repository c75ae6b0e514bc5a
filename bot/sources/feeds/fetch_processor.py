"""Read, store and note what fetching feeds brought, for many feeds together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.domain.feed import Feed
from bot.domain.feed_schedule import FAILURES_TO_REPORT, FeedState, FetchInterval, record_failure, record_fetch
from bot.domain.fetch_result import FetchResult, FetchStatus
from bot.errors import StoreError
from bot.metrics import Metrics
from bot.sources.feeds.feed_comparison import FeedReading
from bot.sources.feeds.feed_importer import FeedImporter
from bot.sources.feeds.model import FeedProblem, FeedReadResult, FetchedDocument, RefusalReason
from bot.store.cards.import_batch import ImportResult
from bot.store.sources.feeds import FeedStore, FetchNote

_log = logging.getLogger(__name__)

_READ_BYTES = 2_000_000
"""Bytes of feeds that are read and stored together, unless one alone has more."""
_INTERNAL = "internal"
"""The problem of a feed on which our own code failed."""


class FeedReader(Protocol):
    """What reads fetched feeds, in a process of its own."""

    async def read_feeds(self, documents: Sequence[FetchedDocument]) -> list[FeedReadResult | RefusalReason]: ...


@dataclass(slots=True)
class PollReport:
    """What polling came to: feeds fetched, those of them that were unchanged or failed, cards added and changed."""

    fetched: int = 0
    unchanged: int = 0
    failed: int = 0
    added: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class FetchedFeed:
    """A feed, what fetching it came to, and when."""

    feed: Feed
    result: FetchResult
    at: datetime


class FetchProcessor:
    """Processes fetched feeds. `chance` gives the jitter of the next fetch, in 0..1."""

    def __init__(
        self,
        store: FeedStore,
        importer: FeedImporter,
        reader: FeedReader,
        clock: Callable[[], datetime],
        interval: FetchInterval,
        metrics: Metrics,
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._importer = importer
        self._reader = reader
        self._clock = clock
        self._interval = interval
        self._metrics = metrics
        self._chance = chance

    async def process_batch(self, batch: Sequence[FetchedFeed], report: PollReport) -> bool:
        """Read what is new, store it, and note all. Returns whether cards were added or changed."""
        before = (report.added, report.changed)
        report.fetched += len(batch)
        notes = [self._note_unread(each, report) for each in batch if each.result.status is not FetchStatus.NEW]
        for group in _group_documents([each for each in batch if each.result.status is FetchStatus.NEW]):
            notes += await self._process_documents(group, report)
            await self._store.note_results(notes, self._clock())
            notes = []
        if notes:
            await self._store.note_results(notes, self._clock())
        return (report.added, report.changed) != before

    def _note_unread(self, fetched: FetchedFeed, report: PollReport) -> FetchNote:
        if fetched.result.status is FetchStatus.FAILED:
            return self._note_failure(fetched, str(fetched.result.problem), report)
        report.unchanged += 1
        self._metrics.count_feed_fetch("unchanged")
        return self._note_success(fetched, None)

    async def _process_documents(self, group: Sequence[FetchedFeed], report: PollReport) -> list[FetchNote]:
        """Read and store documents, and make the notes of them."""
        readings = await self._reader.read_feeds([_to_document(each) for each in group])
        outcomes: dict[int, FeedReadResult | str] = {
            each.feed.source_id: str(reading) if isinstance(reading, RefusalReason) else reading
            for each, reading in zip(group, readings, strict=True)
        }
        read = [
            FeedReading(each.feed, outcome)
            for each in group
            if isinstance(outcome := outcomes[each.feed.source_id], FeedReadResult)
        ]
        changed = {feed.source_id: result.language for feed, result in read if result.language != feed.language}
        if named := {source_id: language for source_id, language in changed.items() if language}:
            # Before the items: they are indexed in it.
            await self._store.set_languages(named)
        failed = await self._import_readings(read, report) if read else {}
        outcomes |= failed
        return [self._note_document(each, outcomes[each.feed.source_id], report) for each in group]

    async def _import_readings(self, readings: Sequence[FeedReading], report: PollReport) -> dict[int, str]:
        """Store the items of feeds. Returns the problem of each feed on which our own code failed, by source id."""
        try:
            self._count_import(await self._importer.import_feeds(readings, self._clock), report)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - one feed must not keep the others from being stored
            if len(readings) == 1:
                feed = readings[0].feed
                _log.exception("The items of a feed of %s could not be stored", feed.host)
                return {feed.source_id: _INTERNAL}
        else:
            return {}
        half = len(readings) // 2
        first = await self._import_readings(readings[:half], report)
        return {**first, **await self._import_readings(readings[half:], report)}

    def _count_import(self, imported: ImportResult, report: PollReport) -> None:
        report.added += imported.added
        report.changed += imported.changed
        self._metrics.count_feed_cards(imported.added)

    def _note_document(self, fetched: FetchedFeed, outcome: FeedReadResult | str, report: PollReport) -> FetchNote:
        if isinstance(outcome, str):
            return self._note_failure(fetched, outcome, report)
        self._metrics.count_feed_fetch("new")
        return self._note_success(fetched, outcome)

    def _note_success(self, fetched: FetchedFeed, reading: FeedReadResult | None) -> FetchNote:
        feed = fetched.feed
        ttl = reading.ttl if reading else None
        result = fetched.result
        is_broken_off = reading is not None and FeedProblem.BROKEN_OFF in reading.problems
        if is_broken_off:
            # The validators may be those of the whole feed, which would count as unchanged from then on.
            result = replace(result, etag="", last_modified="", body_hash="")
        state, new_url = record_fetch(feed.state, result, fetched.at, self._interval, jitter=self._chance(), ttl=ttl)
        if feed.state.failures >= FAILURES_TO_REPORT:
            _log.info("The feed %s of %s works again", feed.title or feed.name, feed.host)
        if reading is None:
            return FetchNote(feed.source_id, state, url=new_url)
        return FetchNote(
            feed.source_id,
            state,
            # What the first look missed is not new; but some feeds always break off.
            is_read=not is_broken_off or feed.fetched_at is not None,
            url=new_url,
            title=reading.title,
            site=reading.site or "",
            language=reading.language,
        )

    def _note_failure(self, fetched: FetchedFeed, problem: str, report: PollReport) -> FetchNote:
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


def _to_document(fetched: FetchedFeed) -> FetchedDocument:
    result = fetched.result
    return FetchedDocument(result.body, result.content_type, result.url, fetched.at)


def _group_documents(documents: Sequence[FetchedFeed]) -> Iterator[list[FetchedFeed]]:
    """Yield documents that are read and stored together. Feeds that failed before come last, each alone.

    What is hostile takes up to 2 s of CPU time to be found out: from the second time on, no other feed waits for it.
    """
    group: list[FetchedFeed] = []
    size = 0
    for each in documents:
        if not each.feed.state.failures:
            if group and size + len(each.result.body) > _READ_BYTES:
                yield group
                group, size = [], 0
            group.append(each)
            size += len(each.result.body)
    if group:
        yield group
    yield from ([each] for each in documents if each.feed.state.failures)
