"""The courier's questions to the table, for tests that work it off step by step."""

from __future__ import annotations

from datetime import datetime

from bot.desk.delivery import Delivery
from bot.store import Store


async def head(store: Store, channel_id: int, now: datetime) -> Delivery | None:
    """A channel's next delivery, if it is due."""
    return next(iter(await store.deliveries.work_of(channel_id, now)), None)


async def due(store: Store, now: datetime) -> list[int]:
    """The channels with something to do now."""
    work, _ = await store.deliveries.work(now)
    return sorted(work)
