"""What the process that has the duty knows of its work: for those that answer people and have no folder of cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from bot.store.meta import Meta

_KEY = "leader"


@dataclass(frozen=True, slots=True)
class LeaderState:
    """`load` has the counts of the last load that went well, as `LoadReport` has them, `load_trouble` why a later one
    failed.

    `held_back` counts withdrawals that wait for a person, `duplicates_prevented` posts found instead of sent again
    since its start. `writes_back` says whether it puts decisions of the bot's owners into card files.
    """

    noted_at: datetime
    writes_back: bool = False
    loaded_at: datetime | None = None
    load: Mapping[str, float] = field(default_factory=dict)
    load_trouble: str = ""
    held_back: int = 0
    duplicates_prevented: int = 0


class Leader:
    """The last note of whichever process has the duty."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    async def note(self, state: LeaderState) -> None:
        await self._meta.set(_KEY, json.dumps(asdict(state), default=datetime.isoformat))

    async def state(self) -> LeaderState | None:
        """None before any process has had the duty."""
        if (kept := await self._meta.get(_KEY)) is None:
            return None
        values = json.loads(kept)
        for name in ("noted_at", "loaded_at"):
            values[name] = datetime.fromisoformat(values[name]) if values[name] else None
        return LeaderState(**values)
