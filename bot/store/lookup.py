"""Look up cards by ID or by URL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, select

from bot.store.database import Database
from bot.store.records import FiledCard, filed, filed_columns
from bot.store.tables import card_aliases, cards
from bot.store.visibility import visible


class Lookup:
    """Lookup of visible cards without a search."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_ids(self, ids: Sequence[int], guild_id: int) -> list[FiledCard]:
        """Return those of these cards that the server sees, in the order of the IDs."""
        found = {card.id: card for card in await self._seen(cards.c.id.in_(ids), guild_id)}
        return [found[card_id] for card_id in dict.fromkeys(ids) if card_id in found]

    async def by_addresses(self, addresses: Collection[str], guild_id: int, *, limit: int) -> list[FiledCard]:
        """Return the visible cards with these URLs (as of `bot.cards.links.normalised`), newest first."""
        known = select(card_aliases.c.card_id).where(card_aliases.c.alias.in_(addresses))
        return await self._seen(cards.c.id.in_(known), guild_id, limit)

    async def _seen(self, chosen: ColumnElement[bool], guild_id: int, limit: int | None = None) -> list[FiledCard]:
        asked = select(*filed_columns(guild_id)).where(chosen, visible(guild_id)).order_by(cards.c.timeline.desc())
        async with self._database.read() as connection:
            return [filed(row) for row in (await connection.execute(asked.limit(limit))).mappings()]
