"""Cards of followed sources for tests, as a poller would store them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.cards.model import Card, CardState, ParseResult, SourceItem, SourceKind
from bot.domain.follows import Follow, FollowPolicy
from bot.store import Store
from tests.support.cards import NOW, make_card

LONG_AGO = NOW - timedelta(days=30)


def make_item(slug: str, **changes: Any) -> Card:
    """A card as a feed's reader makes it."""
    return make_card(slug, **({"state": CardState.HELD} | changes))


async def add_feed(store: Store, name: str = "feed") -> int:
    return await store.cards.importer.ensure_source(SourceKind.FEED, f"https://{name}.example/rss", is_shared=False)


async def follow_feed(
    store: Store, guild_id: int, source_id: int, policy: FollowPolicy = FollowPolicy.PUBLISH, **changes: Any
) -> None:
    fields: dict[str, Any] = {"followed_at": LONG_AGO, "created_by": 5} | changes
    assert await store.cards.follows.follow_source(Follow(guild_id, source_id, policy, **fields))


async def store_items(store: Store, source_id: int, *cards: Card, now: datetime = NOW) -> list[int]:
    """Store items of a feed, and return the ids of their cards."""
    batch = [(SourceItem(each.slug, str(now)), ParseResult(each)) for each in cards]
    importer = store.cards.importer
    result = await importer.import_batch(source_id, batch, vanished=(), now=now, withdraw=True)
    assert not result.refused
    known = await importer.known_items(SourceKind.FEED, await _feed_key(store, source_id))
    return [card_id for each in cards if (card_id := known[each.slug].card_id) is not None]


async def _feed_key(store: Store, source_id: int) -> str:
    for name in ("feed", "other", "hostile"):
        if await add_feed(store, name) == source_id:
            return f"https://{name}.example/rss"
    raise AssertionError("a feed of another name")
