"""What one planning run covers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select, true

from bot.domain.moderation import EVERYWHERE
from bot.store.tables import cards


@dataclass(frozen=True, slots=True)
class PlanScope:
    """The changes that a planning run handles: all of them, or only those of some cards, in one server or all."""

    card_ids: Collection[int] | None = None
    """None: all changed cards."""
    guild_id: int = EVERYWHERE

    @property
    def changed(self) -> ColumnElement[bool]:
        """Whether a card of the scope has changed since it was planned."""
        if self.card_ids is None:
            return cards.c.needs_planning
        return cards.c.needs_planning & cards.c.id.in_(self.card_ids)

    def changed_ids(self) -> Select[Any]:
        """Select the IDs of the changed cards."""
        return select(cards.c.id).where(self.changed)

    def covers(self, guild_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether the scope includes a server."""
        return true() if self.guild_id == EVERYWHERE else guild_id == self.guild_id
