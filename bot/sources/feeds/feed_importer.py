"""Store what a feed holds: its new items as cards, edits of those that are known, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards.card_builder import MAX_TOPICS
from bot.cards.model import Card, CardState, ParseResult, SourceItem
from bot.cards.text import normalize_name
from bot.domain.feed import Feed
from bot.domain.follows import FollowPolicy
from bot.sources.feeds.feed_comparison import FeedChanges, FeedReading, find_changes, write_fingerprint
from bot.sources.feeds.item_card import make_card, make_slug
from bot.sources.feeds.model import FeedItem
from bot.store.cards.import_batch import ImportResult, SourceBatch
from bot.store.cards.importer import BATCH, CardImporter
from bot.store.sources.feed_items import FeedItemStore, StoredFeedItem


class FeedImporter:
    """Imports the items of feeds. Repeating an import changes nothing, so that a kill at any point does no harm."""

    def __init__(self, items: FeedItemStore, importer: CardImporter) -> None:
        self._items = items
        self._importer = importer

    async def import_feeds(self, readings: Sequence[FeedReading], clock: Callable[[], datetime]) -> ImportResult:
        """Store the items of feeds, those of many in one transaction.

        Raises `StoreError` if the database fails as a whole. After any other error, one of the feeds is to blame: the
        others can be imported without it.
        """
        changes = await find_changes(self._items, readings)
        for each in changes:
            feed = each.reading.feed
            renamed = [(old, new, make_slug(feed.name, new)) for old, new in each.renamed]
            await self._items.rename_keys(feed.source_id, renamed)
        names = {name for each in changes for item in each.items for name in item.categories}
        known_topics = await self._items.known_topics(names) if names else {}
        total = ImportResult()
        for parts in _group_by_size([_build_batch(each, clock(), known_topics) for each in changes]):
            total += await self._importer.import_batches(parts, clock)
        return total

    async def withdraw_all(self, feed: Feed, now: datetime) -> int:
        """Withdraw all cards of a feed. Returns their number."""
        keys, withdrawn = await self._items.list_keys(feed.source_id), 0
        for start in range(0, len(keys), BATCH):
            withdrawn += await self._importer.forget_items(feed.source_id, keys[start : start + BATCH], now)
        return withdrawn


def _build_batch(changes: FeedChanges, now: datetime, known_topics: Mapping[str, str]) -> SourceBatch:
    feed = changes.reading.feed
    builder = _CardBuilder(changes.reading, now, known_topics)
    items = [builder.read_new(item) for item in _in_order(changes.new, now)]
    items += [builder.read_edited(item, known) for known, item in changes.edited]
    # What a feed holds when it is first read came out before anybody wanted it.
    is_backlog = feed.read_at is None or feed.options.policy is FollowPolicy.ARCHIVE
    return SourceBatch(feed.source_id, items, is_backlog)


def _group_by_size(batches: Sequence[SourceBatch]) -> Iterator[list[SourceBatch]]:
    """Yield the batches in groups of at most `BATCH` items."""
    group: list[SourceBatch] = []
    size = 0
    for batch in batches:
        for start in range(0, len(batch.items), BATCH):
            part = replace(batch, items=batch.items[start : start + BATCH])
            if group and size + len(part.items) > BATCH:
                yield group
                group, size = [], 0
            group.append(part)
            size += len(part.items)
    if group:
        yield group


def _in_order(items: Sequence[FeedItem], now: datetime) -> list[FeedItem]:
    """Oldest first, so that ids follow the time. Feeds list the newest first, which decides where times are missing."""
    oldest_first = list(reversed(items))
    return sorted(oldest_first, key=lambda item: item.published_at or now)


class _CardBuilder:
    """Makes the cards of one feed's items."""

    def __init__(self, reading: FeedReading, now: datetime, known_topics: Mapping[str, str]) -> None:
        self._feed, self._result = reading
        self._now = now
        self._known_topics = known_topics

    def read_new(self, item: FeedItem) -> tuple[SourceItem, ParseResult]:
        is_held = self._feed.options.policy in (FollowPolicy.REVIEW, FollowPolicy.COVERED)
        card = self._make_card(item, self._now)
        return self._read(item, replace(card, state=CardState.HELD if is_held else CardState.PUBLISHED))

    def read_edited(self, item: FeedItem, known: StoredFeedItem) -> tuple[SourceItem, ParseResult]:
        """Keep the time and the state that the card got when it came in: an edit is no news."""
        if known.published_at is None or known.state is None:
            return self.read_new(item)
        card = self._make_card(replace(item, published_at=None), known.published_at)
        return self._read(item, replace(card, state=known.state, held_reason=known.held_reason))

    def _make_card(self, item: FeedItem, first_seen: datetime) -> Card:
        feed = self._feed
        card = make_card(
            item,
            self._result,
            source=feed.name,
            url=feed.url,
            first_seen=first_seen,
            topics=tuple(self._choose_topics(item))[:MAX_TOPICS],
        )
        return replace(card, quality=feed.options.quality)

    def _choose_topics(self, item: FeedItem) -> Iterator[str]:
        """The feed's topics, and those of the item's categories that other cards have: feeds invent many."""
        own = {normalize_name(name): name for name in self._feed.options.topics}
        yield from own.values()
        for key in dict.fromkeys(map(normalize_name, item.categories)):
            if key in self._known_topics and key not in own:
                yield self._known_topics[key]

    def _read(self, item: FeedItem, card: Card) -> tuple[SourceItem, ParseResult]:
        return SourceItem(item.key, write_fingerprint(item)), ParseResult(card, digest=item.content_hash)
