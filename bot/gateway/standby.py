"""Who answers people: one process for each shard, and others that stand by to take its place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.store.engines import Stand

_log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""How often a process looks whether the shards are its own."""


class Standby:
    """Waits for the shards, and notices when another process has them."""

    def __init__(self) -> None:
        self.is_waiting = False
        """Whether another process answers, so that this one does not."""

    async def serve(self, stand: Stand, session: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Once the shards are this process's, run `session` until it ends or another process has them.

        Returns whether it ended by itself. A database that is away takes nobody's shards: nobody can have them then.
        """
        await self._wait(stand)
        running = asyncio.create_task(session(), name="gateway session")
        taken = asyncio.create_task(_taken(stand), name="gateway lock")
        try:
            await asyncio.wait({running, taken}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                return True
            taken.result()
            _log.error("Another process answers for these shards now: this one stops to")
            return False
        finally:
            for task in (running, taken):
                task.cancel()
            await asyncio.gather(running, taken, return_exceptions=True)

    async def _wait(self, stand: Stand) -> None:
        try:
            while not await stand.look():
                if not self.is_waiting and stand.answers:
                    _log.info("Another process answers commands and buttons: this one stands by")
                    self.is_waiting = True
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self.is_waiting = False


async def _taken(stand: Stand) -> None:
    """Return when another process has the shards."""
    while True:
        if not await stand.look() and stand.answers:
            return
        await asyncio.sleep(LOOK_SECONDS)
