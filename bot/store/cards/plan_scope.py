"""What one planning run covers, and its statements, which are built once: that takes longer than to run them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, bindparam, exists, or_, select, true, union

from bot.domain.moderation import EVERYWHERE
from bot.store.tables import Moment, cards, server_cards

NOW, OLDEST = bindparam("now", type_=Moment()), bindparam("oldest", type_=Moment())
"""When the run is, and from when a card is new enough for it."""
_CARD_IDS, _GUILD_ID = "planned_cards", "planned_guild"
_BUILT: dict[tuple[Any, ...], Any] = {}


@dataclass(frozen=True, slots=True)
class PlanScope:
    """The changes that a planning run handles: all of them, or only those of some cards, in one server or all."""

    card_ids: Collection[int] | None = None
    """None: all changed cards."""
    guild_id: int = EVERYWHERE

    def build(self, make: Callable[[PlanScope], Any]) -> Any:
        """Return a statement that a function makes, once for all scopes of this kind. Execute it with `values`."""
        key = make, self.card_ids is None, self.guild_id == EVERYWHERE
        if key not in _BUILT:
            _BUILT[key] = make(self)
        return _BUILT[key]

    def values(self, now: datetime, max_age: timedelta) -> Mapping[str, Any]:
        """Return the parameters of the statements."""
        return {_CARD_IDS: self._ids, _GUILD_ID: self.guild_id, "now": now, "oldest": now - max_age}

    @property
    def _ids(self) -> list[int]:
        return sorted(self.card_ids or ())

    def _includes(self, card_id: ColumnElement[int]) -> ColumnElement[bool]:
        return card_id.in_(bindparam(_CARD_IDS, self._ids, expanding=True))

    @property
    def needs_planning(self) -> ColumnElement[bool]:
        """Whether a card of the scope has changed since it was planned, and its story is told."""
        if self.card_ids is None:
            return cards.c.needs_planning & ~cards.c.needs_story
        return cards.c.needs_planning & self._includes(cards.c.id)

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
            of_rows = of_rows.where(self._includes(server_cards.c.card_id))
        return union(select(cards.c.id).where(self.needs_planning), of_rows)

    def waits_for_story(self, card_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether the story of a card is yet to be told, without which its post may be a second one."""
        waiting = select(cards.c.id).where(cards.c.id == card_id, cards.c.needs_story)
        return exists(waiting.correlate_except(cards))

    def covers(self, guild_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether the scope includes a server."""
        if self.guild_id == EVERYWHERE:
            return true()
        return guild_id == bindparam(_GUILD_ID, self.guild_id, server_cards.c.guild_id.type)
