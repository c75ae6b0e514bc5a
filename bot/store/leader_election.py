"""Leader election: loading cards and running the schedule happen in one process at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bot.store.database import Database
from bot.store.engines import LeaderLock


class LeaderElection:
    """Leadership as a lock of the database engine, released when its process ends, even by a crash.

    It only avoids duplicate work. Correctness does not depend on it: planning is idempotent.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_shared(self) -> bool:
        """Whether processes that are not the leader may deliver, too."""
        return self._database.is_shared

    def leader_lock(self, on_notify: Callable[[], None]) -> AbstractAsyncContextManager[LeaderLock]:
        """Compete for leadership while the context is open. `on_notify` is called when another process has written."""
        return _close_after(self._database.leader_lock(on_notify))

    def gateway_lock(self, shard_ids: Sequence[int] | None) -> AbstractAsyncContextManager[LeaderLock]:
        """Compete for the gateway of these shards (None: all). With two processes, each would handle every click."""
        return _close_after(self._database.gateway_lock(shard_ids))


@asynccontextmanager
async def _close_after(lock: LeaderLock) -> AsyncIterator[LeaderLock]:
    try:
        yield lock
    finally:
        await lock.close()
