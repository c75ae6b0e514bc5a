"""Which shards of the gateway this process holds, and when each may identify.

Discord takes one identify in five seconds of each bucket, and as many buckets as the bot's `max_concurrency`: shards
whose ids are equal modulo that number share one ("Gateway: Sharding" in its documentation).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

APART = timedelta(seconds=5.2)
"""Between two identifies of a bucket: Discord counts from when they arrive, which differs a little each time."""
Reserve = Callable[[str, datetime, timedelta], Awaitable[datetime]]
"""Takes the next free moment under a name that other processes use as well, and gives it."""


class Identifies:
    """Lets each bucket identify at Discord's pace; with `reserve`, in step with the bot's other processes."""

    def __init__(self, buckets: int, clock: Callable[[], datetime], reserve: Reserve | None = None) -> None:
        self._buckets = max(1, buckets)
        self._clock = clock
        self._reserve = reserve or self._next
        self._free: dict[str, datetime] = {}
        self._seen = clock()

    async def turn(self, shard_id: int) -> None:
        """Wait until the shard may identify."""
        now = self._clock()
        at = await self._reserve(f"identify {shard_id % self._buckets}", now, APART)
        await asyncio.sleep((at - now).total_seconds())

    async def _next(self, name: str, now: datetime, apart: timedelta) -> datetime:
        if now < self._seen:  # the clock was set back: what was free then is free now
            self._free.clear()
        self._seen = now
        at = max(now, self._free.get(name, now))
        self._free[name] = at + apart
        return at
