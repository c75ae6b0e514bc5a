"""Cards that members saved for later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select

from bot.store.cards.rows import StoredCard, card_from_row, stored_card_columns
from bot.store.cards.visibility import IS_SHARED, is_visible_to
from bot.store.database import Database
from bot.store.sql_helpers import insert_or_ignore
from bot.store.tables import cards, saved_cards


@dataclass(frozen=True, slots=True)
class SavedPage:
    """A page of a member's saved cards, last saved first; `hidden` counts those not visible in this server."""

    cards: tuple[StoredCard, ...]
    total: int
    hidden: int


class SavedCards:
    """Queries for saved cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_card(self, user_id: int, card_id: int, now: datetime) -> bool:
        """Save a card. False if it was saved already."""
        row = {"user_id": user_id, "card_id": card_id, "saved_at": now}
        saving = insert_or_ignore(saved_cards).values(row)
        return bool((await self._database.write_shared(lambda connection: connection.execute(saving))).rowcount)

    async def remove_card(self, user_id: int, card_id: int) -> bool:
        """Remove a saved card. False if it was not saved."""
        removing = delete(saved_cards).where(saved_cards.c.user_id == user_id, saved_cards.c.card_id == card_id)
        return bool((await self._database.write_shared(lambda connection: connection.execute(removing))).rowcount)

    async def get_page(self, user_id: int, guild_id: int, *, limit: int, offset: int) -> SavedPage:
        """Return a page of the member's saved cards that are visible in this server.

        Those of followed sources are shown in any server: who saved one keeps it.
        """
        seen = or_(is_visible_to(guild_id), ~IS_SHARED)
        query = select(*stored_card_columns(guild_id)).join(saved_cards).where(saved_cards.c.user_id == user_id, seen)
        newest = query.order_by(saved_cards.c.saved_at.desc(), cards.c.id.desc()).limit(limit).offset(offset)
        counted = select(func.count(), func.count().filter(seen)).select_from(saved_cards.join(cards))
        async with self._database.begin_read() as connection:
            rows = (await connection.execute(newest)).mappings().all()
            everything, visible = (await connection.execute(counted.where(saved_cards.c.user_id == user_id))).one()
        return SavedPage(tuple(card_from_row(row) for row in rows), visible, everything - visible)
