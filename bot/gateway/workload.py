"""The work behind interactions that are acknowledged: so much at once, so much that waits, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary

AT_ONCE = 16
"""Enough to wait for the database and for Discord's answers at the same time; the acknowledgements of a flood of clicks
need the processor more."""
MOST_WAITING = 1000
LONGEST_WAIT = 60.0
"""Seconds. Nobody looks at an unanswered click for longer, and an answer is possible for 15 minutes."""
COMPLETIONS_AT_ONCE, MOST_COMPLETIONS_WAITING = 8, 100
LONGEST_COMPLETION = 2.0
"""Seconds for an autocomplete; Discord waits for 3."""


class Workload:
    """A bounded queue, in order of arrival. Works with the same key never overlap."""

    def __init__(
        self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING, longest_wait: float = LONGEST_WAIT
    ) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._most_waiting = most_waiting
        self._longest_wait = longest_wait
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def enter(self, key: Hashable = None) -> bool:
        """Wait for a place, which the running task holds until it ends. Returns False when there is none for it."""
        if self._waiting >= self._most_waiting:
            return False
        turn = self._turns.setdefault(key, asyncio.Lock()) if key is not None else None
        self._waiting += 1
        try:
            async with asyncio.timeout(self._longest_wait):
                await self._take(turn)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        self._hold(turn)
        return True

    async def _take(self, turn: asyncio.Lock | None) -> None:
        if turn is None:
            await self._slots.acquire()
            return
        await turn.acquire()
        try:
            await self._slots.acquire()
        except BaseException:
            turn.release()
            raise

    def _hold(self, turn: asyncio.Lock | None) -> None:
        def leave(_task: object) -> None:
            self._slots.release()
            if turn:
                turn.release()

        if task := asyncio.current_task():
            task.add_done_callback(leave)
