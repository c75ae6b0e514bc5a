"""Make a card of a feed's item."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.cards.model import Card, CardState
from bot.sources.feeds.item_builder import build_provider
from bot.sources.feeds.model import FeedItem, FeedReadResult


def make_slug(source: str, key: str) -> str:
    """Return the identity of an item's card. `source` names the feed's source."""
    return f"feeds/{source}/{key}"


def make_card(
    item: FeedItem, feed: FeedReadResult, *, source: str, url: str, first_seen: datetime, topics: Sequence[str] = ()
) -> Card:
    """Make a card of an item of a feed at `url`.

    State and quality are those of each server that follows the feed; here the card is held. `topics` are those of the
    item's categories that are topics elsewhere too.
    """
    return Card(
        slug=make_slug(source, item.key),
        title=item.title,
        published_at=item.published_at or first_seen,
        excerpt=item.excerpt,
        raw_title=item.raw_title,
        raw_excerpt=item.raw_excerpt,
        url=item.link,
        type=item.type,
        state=CardState.HELD,
        provider=item.provider or build_provider(feed.title, feed.site or url, feed.icon),
        topics=tuple(topics),
        image=item.image,
        aliases=(item.canonical,) if item.canonical else (),
    )
