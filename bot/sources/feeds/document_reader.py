"""Read feeds, pages and lists of feeds in a process of their own, which a hostile document ends without harm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bot.sources.feeds.autodiscovery import DiscoveredFeed, find_feeds
from bot.sources.feeds.document_job import DocumentJob, run_job
from bot.sources.feeds.model import FeedReadResult, FetchedDocument, RefusalReason
from bot.sources.feeds.opml import OpmlImport, read_opml
from bot.sources.feeds.page_metadata import PageMetadata, read_page
from bot.sources.feeds.reader import read_feed
from bot.sources.isolated_reader import IsolatedReader, ReadFailure
from bot.sources.parallel_reader import run_in_background

_Result = TypeVar("_Result")


def _blame_document(_job: DocumentJob, failure: ReadFailure, _code: int) -> RefusalReason:
    return RefusalReason.UNREADABLE if failure is ReadFailure.CRASHED else RefusalReason.TOO_COSTLY


class DocumentReader:
    """Reads documents in an isolated process, which starts with the first and has 2 s of CPU time for each.

    Calls wait for each other: who answers people uses another instance than the poller. `UserError` is raised if the
    process cannot be started.
    """

    def __init__(self) -> None:
        self._reader: IsolatedReader[DocumentJob, Any] = IsolatedReader(run_job, _blame_document)

    async def read_feeds(self, documents: Sequence[FetchedDocument]) -> list[FeedReadResult | RefusalReason]:
        """Read feeds in order. Several small ones in one call save CPU time; all of them are in memory twice."""
        return await self._run(read_feed, documents)

    async def read_page(self, document: FetchedDocument) -> PageMetadata | RefusalReason:
        return (await self._run(read_page, [document]))[0]

    async def find_feeds(self, document: FetchedDocument) -> tuple[DiscoveredFeed, ...] | RefusalReason:
        return (await self._run(find_feeds, [document]))[0]

    async def read_opml(self, document: FetchedDocument) -> OpmlImport | RefusalReason:
        return (await self._run(read_opml, [document]))[0]

    def close(self) -> None:
        """Stop the process. Blocking, for at most half a second when nothing is being read."""
        self._reader.close()

    async def _run(
        self, read: Callable[[FetchedDocument], _Result], documents: Sequence[FetchedDocument]
    ) -> list[_Result | RefusalReason]:
        stop = threading.Event()
        try:
            return await run_in_background(self._reader.read, [DocumentJob(read, each) for each in documents], stop)
        except asyncio.CancelledError:
            self._reader.abort_read(stop)
            raise
