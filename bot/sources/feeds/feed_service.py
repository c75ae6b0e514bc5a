"""Put together what works with feeds in one process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from aiohttp.abc import AbstractResolver

from bot.domain.feed_schedule import FetchInterval
from bot.metrics import Metrics
from bot.settings import Settings
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_importer import FeedImporter
from bot.sources.feeds.feed_list import FeedList
from bot.sources.feeds.fetcher import Fetcher
from bot.sources.feeds.poller import FeedPoller
from bot.store import Store


class FeedService:
    """Fetching, reading and polling of feeds. `feed_list` is None if the operator has no file of them."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Callable[[], datetime],
        metrics: Metrics,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.open_fetcher = partial(build_fetcher, settings, resolver)
        self.reader = DocumentReader()
        self.importer = FeedImporter(store.feeds.items, store.cards.importer)
        least, most = settings.feed_minutes
        interval = FetchInterval(timedelta(minutes=least), timedelta(minutes=most))
        self.poller = FeedPoller(store.feeds, self.importer, self.open_fetcher, self.reader, clock, interval, metrics)
        path = settings.feeds
        self.feed_list = FeedList(path, store.feeds, self.reader, clock) if path else None

    def close(self) -> None:
        """End the reader's process. Blocking, for at most half a second."""
        self.reader.close()


def build_fetcher(settings: Settings, resolver: AbstractResolver | None = None) -> Fetcher:
    """Build a fetcher with the operator's limits, to be entered. Without a `resolver` the system's is asked."""
    return Fetcher(
        contact=settings.fetch_contact,
        ports=settings.fetch_ports,
        private_hosts=settings.fetch_private,
        proxy=settings.fetch_proxy,
        resolver=resolver,
    )
