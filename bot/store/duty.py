"""Leader election: loading cards and running the schedule happen in one process at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bot.store.database import Database
from bot.store.engines import Stand


class Duty:
    """Leadership as a lock of the database engine, released when its process ends, even by a crash.

    It only avoids duplicate work. Correctness does not depend on it: planning is idempotent.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_shared(self) -> bool:
        """Whether processes that are not the leader may deliver, too."""
        return self._database.is_shared

    def stand(self, heard: Callable[[], None]) -> AbstractAsyncContextManager[Stand]:
        """Compete for leadership while the context is open. `heard` is called when another process has written."""
        return _closing(self._database.stand(heard))

    def gateway_stand(self, shard_ids: Sequence[int] | None) -> AbstractAsyncContextManager[Stand]:
        """Compete for the gateway of these shards (None: all). With two processes, each would handle every click."""
        return _closing(self._database.gateway_stand(shard_ids))


@asynccontextmanager
async def _closing(stand: Stand) -> AsyncIterator[Stand]:
    try:
        yield stand
    finally:
        await stand.close()
