"""The duty: what only one process does at a time, as loading and the ticks of the schedule."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bot.store.database import Database
from bot.store.engines import Stand


class Duty:
    """Who has it is not written down: an engine's own lock says, which ends with its holder, however that ends.

    Nothing depends on it but work that would be done twice: what a plan writes stands once, whoever makes it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_shared(self) -> bool:
        """Whether processes without it may deliver nevertheless."""
        return self._database.is_shared

    def stand(self, heard: Callable[[], None]) -> AbstractAsyncContextManager[Stand]:
        """Be there to take the duty for as long as the context is open. `heard`: another process wrote something."""
        return _closing(self._database.stand(heard))

    def gateway_stand(self, shard_ids: Sequence[int] | None) -> AbstractAsyncContextManager[Stand]:
        """Be there to answer people for these shards, or for all: one process does, or each would count a click."""
        return _closing(self._database.gateway_stand(shard_ids))


@asynccontextmanager
async def _closing(stand: Stand) -> AsyncIterator[Stand]:
    try:
        yield stand
    finally:
        await stand.close()
