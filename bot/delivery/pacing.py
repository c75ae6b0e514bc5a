"""Stay under Discord's limit for the whole bot without ever being told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GLOBAL_LIMIT = 50
"""Requests a second for one bot (Discord's documentation, "Global Rate Limit"); interaction replies do not count."""


class Pace:
    """As many slots as requests are allowed a second, each free again a second after its answer.

    However slow or fast Discord answers, no second can hold more requests than slots. The limits per channel are left
    to discord.py, which knows them from each answer.
    """

    def __init__(self, slots: int = GLOBAL_LIMIT, seconds: float = 1.0) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._seconds = seconds

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        await self._slots.acquire()
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(self._seconds, self._slots.release)
