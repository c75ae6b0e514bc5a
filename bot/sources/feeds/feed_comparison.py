"""Compare what feeds hold with what is stored of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson

from bot.domain.feed import Feed
from bot.sources.feeds.identity import StoredItem, match_items
from bot.sources.feeds.model import FeedItem, FeedReadResult
from bot.store.sources.feed_items import FeedItemStore, ItemKey, StoredFeedItem


class FeedReading(NamedTuple):
    """A feed, and what was read of it."""

    feed: Feed
    result: FeedReadResult


@dataclass(frozen=True, slots=True)
class FeedChanges:
    """What differs between a feed and the store. `renamed` are keys, the old and the new one."""

    reading: FeedReading
    new: Sequence[FeedItem]
    edited: Sequence[tuple[StoredFeedItem, FeedItem]]
    renamed: Sequence[tuple[str, str]]

    @property
    def items(self) -> list[FeedItem]:
        """The items that are to be stored."""
        return [*self.new, *(item for _, item in self.edited)]


async def find_changes(items: FeedItemStore, readings: Sequence[FeedReading]) -> list[FeedChanges]:
    """Compare feeds with the store; those without changes are left out."""
    digests = await items.fetch_digests(
        [(feed.source_id, item.key) for feed, result in readings for item in result.items]
    )
    changed = [reading for reading in readings if any(True for _ in _iter_changed(reading, digests))]
    stored = await _fetch_stored(items, changed, digests) if changed else {}
    return [_match_reading(reading, stored.get(reading.feed.source_id, {}), digests) for reading in changed]


def _iter_changed(reading: FeedReading, digests: Mapping[ItemKey, str]) -> Iterator[FeedItem]:
    source_id = reading.feed.source_id
    return (item for item in reading.result.items if digests.get((source_id, item.key)) != item.content_hash)


async def _fetch_stored(
    items: FeedItemStore, changed: Sequence[FeedReading], digests: Mapping[ItemKey, str]
) -> dict[int, dict[str, StoredFeedItem]]:
    """Fetch the items that were edited, and those that may have got another key, by source and key."""
    edited: list[ItemKey] = []
    by_link: defaultdict[str, set[int]] = defaultdict(set)
    for reading in changed:
        for item in _iter_changed(reading, digests):
            if (key := (reading.feed.source_id, item.key)) in digests:
                edited.append(key)
            else:
                by_link[item.canonical].add(reading.feed.source_id)
    # Items without links are told apart by their titles alone, for which there is no index.
    unlinked = by_link.pop("", set())
    linked = set().union(*by_link.values())
    found = [*await items.fetch_items(edited), *await items.fetch_by_links(linked, by_link)]
    for source_id in unlinked:
        found += await items.fetch_newest(source_id)
    stored: defaultdict[int, dict[str, StoredFeedItem]] = defaultdict(dict)
    for known in found:
        stored[known.source_id][known.key] = known
    return stored


def _match_reading(
    reading: FeedReading, stored: Mapping[str, StoredFeedItem], digests: Mapping[ItemKey, str]
) -> FeedChanges:
    source_id, items = reading.feed.source_id, reading.result.items
    # Of those that stayed the same, the digest is all that counts.
    same = [
        StoredItem(item.key, "", "", None, digests[source_id, item.key])
        for item in items
        if item.key not in stored and (source_id, item.key) in digests
    ]
    matches = match_items(items, [*same, *map(_to_stored_item, stored.values())])
    edited = [
        (stored[old.key], item)
        for old, item in (*matches.edited, *matches.rekeyed)
        if old.content_hash != item.content_hash
    ]
    return FeedChanges(reading, matches.new, edited, [(old.key, item.key) for old, item in matches.rekeyed])


def write_fingerprint(item: FeedItem) -> str:
    """Write what is needed to recognise the item under another key."""
    at = item.published_at.isoformat() if item.published_at else None
    return orjson.dumps([item.title, item.canonical, at]).decode()


def _to_stored_item(item: StoredFeedItem) -> StoredItem:
    try:
        title, canonical, at = orjson.loads(item.fingerprint)
        published_at = datetime.fromisoformat(at) if at else None
    except ValueError:  # written by hand, or by a version to come
        title, canonical, published_at = "", "", None
    return StoredItem(item.key, title, canonical, published_at, item.digest)
