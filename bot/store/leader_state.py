"""State of the leader, for other processes: those that handle commands have no card folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from bot.store.key_value import KeyValueStore

_KEY = "leader"


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


class LeaderStateStore:
    """Storage of the leader's last reported state."""

    def __init__(self, meta: KeyValueStore) -> None:
        self._meta = meta

    async def store_state(self, state: LeaderState) -> None:
        await self._meta.set_value(_KEY, json.dumps(asdict(state), default=datetime.isoformat))

    async def get_state(self) -> LeaderState | None:
        """Return the last reported state; None if there has been no leader yet."""
        if (kept := await self._meta.get_value(_KEY)) is None:
            return None
        values = json.loads(kept)
        for name in ("noted_at", "loaded_at"):
            values[name] = datetime.fromisoformat(values[name]) if values[name] else None
        return LeaderState(**values)
