"""What one planning run covers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, exists, or_, select, true, union

from bot.domain.moderation import EVERYWHERE
from bot.store.tables import cards, server_cards


@dataclass(frozen=True, slots=True)
class PlanScope:
    """The changes that a planning run handles: all of them, or only those of some cards, in one server or all."""

    card_ids: Collection[int] | None = None
    """None: all changed cards."""
    guild_id: int = EVERYWHERE

    @property
    def needs_planning(self) -> ColumnElement[bool]:
        """Whether a card of the scope has changed since it was planned, and its story is told."""
        if self.card_ids is None:
            return cards.c.needs_planning & ~cards.c.needs_story
        return cards.c.needs_planning & cards.c.id.in_(self.card_ids)

    @property
    def needs_planning_here(self) -> ColumnElement[bool]:
        """Whether a followed card, or its row in one server, has changed since it was planned there.

        Of the rows of `cards` and `server_cards`, which the enclosing query joins.
        """
        changed = or_(server_cards.c.needs_planning, cards.c.needs_planning)
        # By the card's id first: two indexes find the few changed ones, while none covers the alternative.
        return server_cards.c.card_id.in_(self.select_changed_ids()) & changed & self.covers(server_cards.c.guild_id)

    def select_changed_ids(self) -> CompoundSelect[Any]:
        """Select the IDs of the changed cards, everybody's and those of followed sources."""
        of_rows = select(server_cards.c.card_id).where(
            server_cards.c.needs_planning, self.covers(server_cards.c.guild_id)
        )
        if self.card_ids is None:
            of_rows = of_rows.where(~self.waits_for_story(server_cards.c.card_id))
        else:
            of_rows = of_rows.where(server_cards.c.card_id.in_(self.card_ids))
        return union(select(cards.c.id).where(self.needs_planning), of_rows)

    def waits_for_story(self, card_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether the story of a card is yet to be told, without which its post may be a second one."""
        waiting = select(cards.c.id).where(cards.c.id == card_id, cards.c.needs_story)
        return exists(waiting.correlate_except(cards))

    def covers(self, guild_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether the scope includes a server."""
        return true() if self.guild_id == EVERYWHERE else guild_id == self.guild_id
