"""The operator's list of feeds: an OPML file that is followed like a folder of cards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bot.domain.feed import FeedOptions, NewFeed
from bot.errors import SettingsError, file_error
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.model import FetchedDocument, RefusalReason
from bot.sources.feeds.opml import OpmlImport
from bot.store.sources.feeds import FeedStore, ListChanges

_MAX_BYTES = 5_000_000


class FeedList:
    """The file that `NEWSDESK_FEEDS` names."""

    def __init__(self, path: Path, store: FeedStore, reader: DocumentReader, clock: Callable[[], datetime]) -> None:
        self.path = path
        self._store = store
        self._reader = reader
        self._clock = clock

    async def apply_changes(self) -> ListChanges:
        """Bring the feeds up to date with the file: what is gone from it is paused, and its cards stay.

        Raises `SettingsError` if the file cannot be read or is no OPML; then nothing is changed.
        """
        now = self._clock()
        content = await read_list(self.path, self._reader, now)
        return await self._store.apply_list(to_new_feeds(content), now)


async def read_list(path: Path, reader: DocumentReader, now: datetime) -> OpmlImport:
    """Read an OPML file. Raises `SettingsError` if it cannot be read or is something else."""
    body = await asyncio.to_thread(_read_file, path)
    content = await reader.read_opml(FetchedDocument(body, "", path.name, now))
    if isinstance(content, RefusalReason):
        raise SettingsError(
            f"{path} is no list of feeds.", "Export one as OPML from a feed reader, or write it: docs/feeds.md."
        )
    return content


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise file_error(f"The list of feeds {path} cannot be read", error) from error
    if len(body) > _MAX_BYTES:
        raise SettingsError(f"The list of feeds {path} has more than {_MAX_BYTES // 1_000_000} MB.")
    return body


def to_new_feeds(content: OpmlImport, options: FeedOptions = FeedOptions()) -> list[NewFeed]:  # noqa: B008 - immutable
    """Make feeds of a list: its folders are topics, besides those of `options`."""
    return [
        NewFeed(
            feed.url,
            feed.title,
            FeedOptions(options.policy, tuple(dict.fromkeys((*options.topics, *feed.topics))), options.quality),
        )
        for feed in content.feeds
    ]
