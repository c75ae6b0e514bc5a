"""Leadership per shard set: one process handles interactions, others stand by to take over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.store.engines import LeaderLock

_log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""Interval between lease checks."""


class Standby:
    """Waits for the shards' lease, and notices when another process takes it."""

    def __init__(self) -> None:
        self.is_waiting = False
        """Whether another process holds the shards, so that this one does not respond."""

    async def serve_session(self, lock: LeaderLock, session: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Run `session` once this process holds the shards, until it ends or another process takes them.

        Return whether it ended normally. A database outage does not end the session: nobody
        else can take the lease then.
        """
        await self._wait_for_lock(lock)
        running = asyncio.create_task(session(), name="gateway session")
        taken = asyncio.create_task(_wait_until_taken(lock), name="gateway lock")
        try:
            await asyncio.wait({running, taken}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                return True
            taken.result()
            _log.error("Another process has taken over these shards; stopping")
            return False
        finally:
            for task in (running, taken):
                task.cancel()
            await asyncio.gather(running, taken, return_exceptions=True)

    async def _wait_for_lock(self, lock: LeaderLock) -> None:
        try:
            while not await lock.try_acquire():
                if not self.is_waiting and lock.is_responding:
                    _log.info("Another process handles commands and buttons; standing by")
                    self.is_waiting = True
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self.is_waiting = False


async def _wait_until_taken(lock: LeaderLock) -> None:
    """Return once another process holds the shards."""
    while True:
        if not await lock.try_acquire() and lock.is_responding:
            return
        await asyncio.sleep(LOOK_SECONDS)
