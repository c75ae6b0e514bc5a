"""The leader: the one process at a time that loads cards and runs the schedule, and the state that it reports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime

from bot.store.database import Database
from bot.store.engines import LeaderLock
from bot.store.key_value import KeyValueStore

_STATE = "leader"
"""Key of the leader's last reported state."""


@dataclass(frozen=True, slots=True)
class LeaderState:
    """State reported by the leader.

    `load` has the counts of the last successful load (see `LoadReport`), `load_trouble` the reason a later one failed.
    `held_back` counts withdrawals that wait for confirmation, `duplicates_prevented` posts found instead of sent again
    since its start. `writes_back` says whether it writes decisions of the bot's owners to card files.
    """

    noted_at: datetime
    writes_back: bool = False
    loaded_at: datetime | None = None
    load: Mapping[str, float] = field(default_factory=dict)
    load_trouble: str = ""
    held_back: int = 0
    duplicates_prevented: int = 0


class LeaderElection:
    """Leadership as a lock of the database engine, released when its process ends, even by a crash.

    It only avoids duplicate work. Correctness does not depend on it: planning is idempotent.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key_values = KeyValueStore(database)

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

    async def store_state(self, state: LeaderState) -> None:
        """Report the leader's state to other processes: those that handle commands have no card folder."""
        await self._key_values.set_value(_STATE, json.dumps(asdict(state), default=datetime.isoformat))

    async def get_state(self) -> LeaderState | None:
        """Return the last reported state; None if there has been no leader yet."""
        if (stored := await self._key_values.get_value(_STATE)) is None:
            return None
        values = json.loads(stored)
        for name in ("noted_at", "loaded_at"):
            values[name] = datetime.fromisoformat(values[name]) if values[name] else None
        return LeaderState(**values)


@asynccontextmanager
async def _close_after(lock: LeaderLock) -> AsyncIterator[LeaderLock]:
    try:
        yield lock
    finally:
        await lock.close()
