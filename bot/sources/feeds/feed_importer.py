"""Store what a feed holds: its new items as cards, edits of those that are known, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from bot.cards.card_builder import MAX_TOPICS
from bot.cards.model import Card, CardState, ParseResult, SourceItem
from bot.cards.text import normalize_name
from bot.domain.feed import Feed
from bot.domain.follows import FollowPolicy
from bot.sources.feeds.identity import ItemMatches, StoredItem, match_items
from bot.sources.feeds.item_card import make_card, make_slug
from bot.sources.feeds.model import FeedItem, FeedReadResult
from bot.store.cards.importer import BATCH, CardImporter, ImportResult
from bot.store.sources.feed_items import FeedItemStore, StoredFeedItem


@dataclass(frozen=True, slots=True)
class FeedImport:
    """What a feed brought: new cards, edited ones, and items that are the same."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


class FeedImporter:
    """Imports the items of feeds. Repeating an import changes nothing, so that a kill at any point does no harm."""

    def __init__(self, items: FeedItemStore, importer: CardImporter) -> None:
        self._items = items
        self._importer = importer

    async def import_items(self, feed: Feed, result: FeedReadResult, now: datetime) -> FeedImport:
        """Store the items of a feed that was read at `now`. Raises `StoreError` if the database fails as a whole."""
        stored, matches = await self.compare_items(feed, result)
        moved = [(old.key, item.key, make_slug(feed.name, item.key)) for old, item in matches.rekeyed]
        await self._items.rename_keys(feed.source_id, moved)
        edited = [
            (stored[old.key], item)
            for old, item in (*matches.edited, *matches.rekeyed)
            if old.content_hash != item.content_hash
        ]
        builder = _CardBuilder(feed, result, now, await self._known_topics(matches.new, [item for _, item in edited]))
        batch = [builder.read_new(item) for item in _in_order(matches.new, now)]
        batch += [builder.read_edited(item, known) for known, item in edited]
        total = ImportResult()
        # What a feed holds when it is first read came out before anybody wanted it.
        is_backlog = feed.read_at is None or feed.options.policy is FollowPolicy.ARCHIVE
        for start in range(0, len(batch), BATCH):
            total += await self._importer.import_batch(
                feed.source_id,
                batch[start : start + BATCH],
                vanished=(),
                now=now,
                withdraw=True,
                is_backlog=is_backlog,
            )
        return FeedImport(total.added, total.changed, matches.unchanged + total.unchanged)

    async def compare_items(self, feed: Feed, result: FeedReadResult) -> tuple[dict[str, StoredFeedItem], ItemMatches]:
        """Match the items with the stored ones, which are returned by key."""
        keys = {item.key for item in result.items}
        stored = {item.key: item for item in await self._items.fetch_by_keys(feed.source_id, keys)}
        if len(stored) < len(keys):
            # There are items under unknown keys: are they new, or did the feed rename what it had?
            stored = {item.key: item for item in await self._items.fetch_newest(feed.source_id)} | stored
        return stored, match_items(result.items, map(_to_stored_item, stored.values()))

    async def withdraw_all(self, feed: Feed, now: datetime) -> int:
        """Withdraw all cards of a feed. Returns their number."""
        keys, withdrawn = await self._items.list_keys(feed.source_id), 0
        for start in range(0, len(keys), BATCH):
            withdrawn += await self._importer.forget_items(feed.source_id, keys[start : start + BATCH], now)
        return withdrawn

    async def _known_topics(self, *groups: Sequence[FeedItem]) -> dict[str, str]:
        names = {name for items in groups for item in items for name in item.categories}
        return await self._items.known_topics(names) if names else {}


def _in_order(items: Sequence[FeedItem], now: datetime) -> list[FeedItem]:
    """Oldest first, so that ids follow the time. Feeds list the newest first, which decides where times are missing."""
    oldest_first = list(reversed(items))
    return sorted(oldest_first, key=lambda item: item.published_at or now)


class _CardBuilder:
    """Makes the cards of one feed's items."""

    def __init__(self, feed: Feed, result: FeedReadResult, now: datetime, known_topics: dict[str, str]) -> None:
        self._feed = feed
        self._result = result
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
        return SourceItem(item.key, _write_fingerprint(item)), ParseResult(card, digest=item.content_hash)


def _write_fingerprint(item: FeedItem) -> str:
    """What is needed to recognise the item under another key."""
    at = item.published_at.isoformat() if item.published_at else None
    return orjson.dumps([item.title, item.canonical, at]).decode()


def _to_stored_item(item: StoredFeedItem) -> StoredItem:
    try:
        title, canonical, at = orjson.loads(item.fingerprint)
        published_at = datetime.fromisoformat(at) if at else None
    except ValueError:  # written by hand, or by a version to come
        title, canonical, published_at = "", "", None
    return StoredItem(item.key, title, canonical, published_at, item.digest)
