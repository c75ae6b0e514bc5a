"""Deliveries for tests: made by hand, or read from the table as the courier does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.delivery import ContentKind, Delivery, DeliveryStatus
from bot.domain.subscription import Layout, SubscriptionOptions
from bot.store import Store
from tests.support.cards import NOW


async def next_delivery(store: Store, channel_id: int, now: datetime) -> Delivery | None:
    """A channel's next delivery, if it is due."""
    return next(iter(await store.outbox.queue.fetch_due_for(channel_id, now)), None)


async def due_channels(store: Store, now: datetime) -> list[int]:
    """The channels with something to do now."""
    work, _ = await store.outbox.queue.fetch_due(now)
    return sorted(work)


def make_delivery(**changes: Any) -> Delivery:
    """A post that waits, with these changes."""
    fields: dict[str, Any] = {
        "id": 5,
        "guild_id": 1,
        "channel_id": 2,
        "desired_kind": ContentKind.CARDS,
        "desired_hash": "a",
        "delivered_hash": None,
        "message_id": None,
        "attempts": 0,
        "status": DeliveryStatus.WAITING,
        "planned_at": NOW,
        "sent_at": None,
        "settled_at": None,
        "without_images": False,
        "layout": Layout.CARD,
        "heading": "",
        "options": SubscriptionOptions(),
        "is_forum": False,
        "crosspost": None,
        "language": "en",
    }
    return Delivery(**(fields | changes))
