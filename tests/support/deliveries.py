"""The courier's questions to the table, for tests that work it off step by step."""

from __future__ import annotations

from datetime import datetime

from bot.domain.delivery import Delivery
from bot.store import Store


async def next_delivery(store: Store, channel_id: int, now: datetime) -> Delivery | None:
    """A channel's next delivery, if it is due."""
    return next(iter(await store.outbox.queue.fetch_due_for(channel_id, now)), None)


async def due_channels(store: Store, now: datetime) -> list[int]:
    """The channels with something to do now."""
    work, _ = await store.outbox.queue.fetch_due(now)
    return sorted(work)
