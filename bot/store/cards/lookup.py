"""Look up cards by ID or by URL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, select

from bot.store.cards.rows import StoredCard, card_from_row, stored_card_columns
from bot.store.cards.visibility import is_visible_to
from bot.store.database import Database
from bot.store.tables import card_aliases, cards


class CardLookup:
    """Lookup of visible cards without a search."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_visible(self, ids: Sequence[int], guild_id: int) -> list[StoredCard]:
        """Return those of these cards that the server sees, in the order of the IDs."""
        result = {card.id: card for card in await self._select_visible(cards.c.id.in_(ids), guild_id)}
        return [result[card_id] for card_id in dict.fromkeys(ids) if card_id in result]

    async def find_by_urls(self, addresses: Collection[str], guild_id: int, *, limit: int) -> list[StoredCard]:
        """Return the visible cards with these URLs (as of `bot.cards.urls.normalize_url`), newest first."""
        known = select(card_aliases.c.card_id).where(card_aliases.c.alias.in_(addresses))
        return await self._select_visible(cards.c.id.in_(known), guild_id, limit)

    async def _select_visible(
        self, condition: ColumnElement[bool], guild_id: int, limit: int | None = None
    ) -> list[StoredCard]:
        query = (
            select(*stored_card_columns(guild_id))
            .where(condition, is_visible_to(guild_id))
            .order_by(cards.c.timeline.desc())
        )
        async with self._database.begin_read() as connection:
            return [card_from_row(row) for row in (await connection.execute(query.limit(limit))).mappings()]
