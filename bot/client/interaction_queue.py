"""Bounded concurrency for acknowledged interactions: limits on running and queued work."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from contextlib import AsyncExitStack
from weakref import WeakValueDictionary

AT_ONCE = 16
"""Maximum concurrent work: enough to overlap waits for the database and Discord; in a flood of clicks
acknowledgements need the CPU more.
"""
MAX_WAITING = 1000
MAX_WAIT = 60.0
"""Seconds. Nobody waits longer for a click, and Discord accepts responses for 15 minutes."""
COMPLETIONS_AT_ONCE, MAX_COMPLETIONS_WAITING = 8, 100
MAX_COMPLETION_SECONDS = 2.0
"""Seconds for an autocomplete; Discord allows 3."""


class InteractionQueue:
    """A bounded FIFO queue. Work with the same key never overlaps.

    `behind` is a semaphore with more urgent waiters: no work starts while it has any.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        most_waiting: int = MAX_WAITING,
        longest_wait: float = MAX_WAIT,
        behind: asyncio.Semaphore | None = None,
    ) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._behind = behind
        self._free = at_once + most_waiting
        self._longest_wait = longest_wait
        # A lock goes as soon as nobody holds or awaits it, so the table does not grow with the members.
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def enter_queue(self, key: Hashable = None) -> bool:
        """Wait for a slot, which the current task holds until it ends. Return False if there is none."""
        if not self._free:
            return False
        turn = self._turns.setdefault(key, asyncio.Lock()) if key is not None else None
        self._free -= 1
        try:
            async with asyncio.timeout(self._longest_wait):
                await self._take_slot(turn)
        except BaseException as error:
            self._free += 1
            if isinstance(error, TimeoutError):
                return False
            raise
        self._hold_slot(turn)
        return True

    async def _take_slot(self, turn: asyncio.Lock | None) -> None:
        """Acquire all or nothing."""
        async with AsyncExitStack() as taken:
            if turn:
                await taken.enter_async_context(turn)
            await taken.enter_async_context(self._slots)
            if self._behind:
                async with self._behind:  # a semaphore is fair: this waits for all that are queued, and takes nothing
                    pass
            taken.pop_all()  # keep them: `leave` releases them when the task ends

    def _hold_slot(self, turn: asyncio.Lock | None) -> None:
        def leave(_task: object) -> None:
            self._free += 1
            self._slots.release()
            if turn:
                turn.release()

        # With the task and not at the end of a block: the caller does its work after `enter_queue` has returned.
        if task := asyncio.current_task():
            task.add_done_callback(leave)
