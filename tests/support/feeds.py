"""Feeds on command: what each address answers, without a network."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.feed_schedule import FetchInterval
from bot.domain.fetch_result import ContentKind, FetchRequest, FetchResult, FetchStatus
from bot.metrics import Metrics
from bot.sources.feeds.feed_importer import FeedImporter
from bot.sources.feeds.fetch_processor import FeedReader
from bot.sources.feeds.poller import FeedPoller
from bot.store import Store
from tests.sources.feeds.documents import rss, rss_item

INTERVAL = FetchInterval(timedelta(minutes=15), timedelta(days=1))


@dataclass
class FakeFetcher:
    """A web of feeds: the body or result of each address, and the requests that were made."""

    answers: dict[str, str | FetchResult] = field(default_factory=dict)
    requests: list[FetchRequest] = field(default_factory=list)

    async def fetch(self, request: FetchRequest, now: datetime) -> FetchResult:
        self.requests.append(request)
        answer = self.answers[request.url]
        if isinstance(answer, FetchResult):
            return answer
        digest = hashlib.sha256(answer.encode()).hexdigest()
        if digest == request.body_hash:
            return FetchResult(FetchStatus.UNCHANGED, url=request.url, body_hash=digest)
        return FetchResult(
            FetchStatus.NEW,
            url=request.url,
            http_status=200,
            body=answer.encode(),
            content_type="application/rss+xml",
            kind=ContentKind.XML,
            body_hash=digest,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeFetcher]:
        yield self

    def write_feed(self, url: str, *items: str) -> None:
        self.answers[url] = rss(*items)

    @property
    def requested_urls(self) -> list[str]:
        """Return the requested addresses, in order."""
        return [request.url for request in self.requests]


def story(number: int, **changes: str | None) -> str:
    """An item; the changes replace what an ordinary one has."""
    usual: dict[str, str | None] = {
        "title": f"Story {number}",
        "link": f"https://paper.example/{number}",
        "guid": f"story-{number}",
        "date": "Mon, 01 Jun 2026 08:00:00 GMT",
    }
    return rss_item(**{**usual, **changes})


def make_poller(
    store: Store, fetcher: FakeFetcher, reader: FeedReader, clock: Callable[[], datetime], metrics: Metrics
) -> FeedPoller:
    """A poller without jitter."""
    importer = FeedImporter(store.feeds.items, store.cards.importer)
    return FeedPoller(store.feeds, importer, fetcher.open, reader, clock, INTERVAL, metrics, lambda: 0.0)
