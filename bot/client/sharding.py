"""Shard assignment, and rate limiting of IDENTIFY.

Discord accepts one IDENTIFY per 5 seconds and bucket, with `max_concurrency` buckets; a shard's bucket is its id modulo
that number ("Gateway: Sharding" in its documentation).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

IDENTIFY_INTERVAL = timedelta(seconds=5.2)
"""Interval between two IDENTIFYs of a bucket, with a margin: Discord measures arrival, which jitters."""
SlotReservation = Callable[[str, datetime, timedelta], Awaitable[datetime]]
"""Reserve the next slot of a named limiter shared between processes; returns its time."""


class IdentifyLimiter:
    """Rate limiter for IDENTIFY by bucket; with `reserve`, shared with the bot's other processes."""

    def __init__(self, buckets: int, clock: Callable[[], datetime], reserve: SlotReservation | None = None) -> None:
        self._buckets = max(1, buckets)
        self._clock = clock
        self._reserve = reserve or self._next_slot
        self._free: dict[str, datetime] = {}
        self._seen = clock()

    async def wait_turn(self, shard_id: int) -> None:
        """Wait until the shard may identify."""
        now = self._clock()
        at = await self._reserve(f"identify {shard_id % self._buckets}", now, IDENTIFY_INTERVAL)
        await asyncio.sleep((at - now).total_seconds())

    async def _next_slot(self, name: str, now: datetime, apart: timedelta) -> datetime:
        if now < self._seen:  # the clock was set back, so old reservations are void
            self._free.clear()
        self._seen = now
        at = max(now, self._free.get(name, now))
        self._free[name] = at + apart
        return at
