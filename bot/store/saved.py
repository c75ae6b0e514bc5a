"""Cards that members saved for later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from bot.store.database import Database
from bot.store.records import FiledCard, filed, filed_columns
from bot.store.tables import cards, saved
from bot.store.upserts import insert_ignoring
from bot.store.visibility import visible


@dataclass(frozen=True, slots=True)
class SavedPage:
    """A page of a member's saved cards, last saved first; `hidden` counts those not visible in this server."""

    cards: tuple[FiledCard, ...]
    total: int
    hidden: int


class SavedCards:
    """Queries for saved cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, user_id: int, card_id: int, now: datetime) -> bool:
        """Save a card. False if it was saved already."""
        row = {"user_id": user_id, "card_id": card_id, "saved_at": now}
        saving = insert_ignoring(saved).values(row)
        return bool((await self._database.note(lambda connection: connection.execute(saving))).rowcount)

    async def remove(self, user_id: int, card_id: int) -> bool:
        """Remove a saved card. False if it was not saved."""
        removing = delete(saved).where(saved.c.user_id == user_id, saved.c.card_id == card_id)
        return bool((await self._database.note(lambda connection: connection.execute(removing))).rowcount)

    async def page(self, user_id: int, guild_id: int, *, limit: int, offset: int) -> SavedPage:
        """Return a page of the member's saved cards that are visible in this server."""
        mine = select(*filed_columns(guild_id)).join(saved).where(saved.c.user_id == user_id, visible(guild_id))
        newest = mine.order_by(saved.c.saved_at.desc(), cards.c.id.desc()).limit(limit).offset(offset)
        counted = select(func.count(), func.count().filter(visible(guild_id))).select_from(saved.join(cards))
        async with self._database.read() as connection:
            rows = (await connection.execute(newest)).mappings().all()
            everything, seen = (await connection.execute(counted.where(saved.c.user_id == user_id))).one()
        return SavedPage(tuple(filed(row) for row in rows), seen, everything - seen)
