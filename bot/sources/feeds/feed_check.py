"""Fetch and read feeds at once, to say what comes; nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.fetch_result import FetchRequest, FetchResult, FetchStatus
from bot.sources.feeds.fetch_processor import FeedReader
from bot.sources.feeds.fetcher import MAX_CONCURRENT, Fetcher
from bot.sources.feeds.model import FeedReadResult, FetchedDocument, RefusalReason


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """What an address brought. `problem` is a `FetchProblem` or `RefusalReason`, empty if a feed was read."""

    url: str = field(repr=False)
    result: FetchResult
    problem: str = ""
    feed: FeedReadResult | None = None


async def check_feeds(
    urls: Collection[str], fetcher: Fetcher, reader: FeedReader, now: datetime
) -> AsyncIterator[FeedCheck]:
    """Yield what each address brings, in the order in which they answer."""
    room = asyncio.Semaphore(MAX_CONCURRENT)

    async def check_one(url: str) -> FeedCheck:
        async with room:  # also while it is read: each document may be large
            return await check_feed(url, fetcher, reader, now)

    tasks = [asyncio.create_task(check_one(url)) for url in dict.fromkeys(urls)]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()


async def check_feed(url: str, fetcher: Fetcher, reader: FeedReader, now: datetime) -> FeedCheck:
    """Fetch and read one feed."""
    result = await fetcher.fetch(FetchRequest(url), now)
    if result.status is not FetchStatus.NEW:
        return FeedCheck(url, result, str(result.problem))
    (feed,) = await reader.read_feeds([FetchedDocument(result.body, result.content_type, result.url, now)])
    if isinstance(feed, RefusalReason):
        return FeedCheck(url, result, str(feed))
    return FeedCheck(url, result, feed=feed)
