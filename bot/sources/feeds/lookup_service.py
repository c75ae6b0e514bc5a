"""Look addresses up for people, who wait for it: feeds, and the pages behind links."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from bot.errors import UserError
from bot.i18n import tr
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_lookup import FeedLookup, find_feed
from bot.sources.feeds.fetcher import Fetcher
from bot.sources.feeds.link_lookup import LinkLookup, find_page

MAX_LOOKUPS = 4
"""Look-ups at a time. Each may take half a minute, for which it keeps one of the places that clicks share."""


class LookupService:
    """Looks addresses up, a few at a time. `reader` must not be the poller's, which may be busy for long."""

    def __init__(
        self, open_fetcher: Callable[[], AbstractAsyncContextManager[Fetcher]], reader: DocumentReader
    ) -> None:
        self.reader = reader
        self._open_fetcher = open_fetcher
        self._running = 0

    async def find_feed(self, typed: str, now: datetime) -> FeedLookup:
        """Find the feed at an address as a person typed it. Raises `UserError` if too many others are looked up."""
        async with self._take_slot() as fetcher:
            return await find_feed(fetcher, self.reader, typed, now)

    async def find_page(self, url: str, now: datetime) -> LinkLookup:
        """Fetch and read the page at an address. Raises `UserError` if too many others are looked up."""
        async with self._take_slot() as fetcher:
            return await find_page(fetcher, self.reader, url, now)

    @asynccontextmanager
    async def _take_slot(self) -> AsyncIterator[Fetcher]:
        if self._running >= MAX_LOOKUPS:
            raise UserError(tr("I'm already looking up several addresses. Please try again in a moment."))
        self._running += 1
        try:
            async with self._open_fetcher() as fetcher:
                yield fetcher
        finally:
            self._running -= 1
