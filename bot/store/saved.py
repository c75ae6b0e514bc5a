"""What members saved for later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from bot.store.database import Database
from bot.store.records import FiledCard, filed, filed_columns
from bot.store.tables import cards, saved
from bot.store.visibility import visible


@dataclass(frozen=True, slots=True)
class SavedPage:
    """One page of a member's saved cards, newest save first. `hidden` counts those not visible here now."""

    cards: tuple[FiledCard, ...]
    total: int
    hidden: int


class SavedCards:
    """Saved cards, by member."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, user_id: int, card_id: int, now: datetime) -> bool:
        """Save a card. False when it was saved already."""
        row = {"user_id": user_id, "card_id": card_id, "saved_at": now}
        async with self._database.write() as connection:
            statement = insert(saved).prefix_with("OR IGNORE", dialect="sqlite")
            return bool((await connection.execute(statement, row)).rowcount)

    async def remove(self, user_id: int, card_id: int) -> bool:
        """Forget a saved card. False when it was not saved."""
        chosen = (saved.c.user_id == user_id) & (saved.c.card_id == card_id)
        async with self._database.write() as connection:
            return bool((await connection.execute(delete(saved).where(chosen))).rowcount)

    async def page(self, user_id: int, guild_id: int, *, limit: int, offset: int) -> SavedPage:
        """A page of what the member saved and may see in this server."""
        mine = select(*filed_columns(guild_id)).join(saved).where(saved.c.user_id == user_id, visible(guild_id))
        newest = mine.order_by(saved.c.saved_at.desc(), cards.c.id.desc()).limit(limit).offset(offset)
        counted = select(func.count(), func.count().filter(visible(guild_id))).select_from(saved.join(cards))
        async with self._database.read() as connection:
            rows = (await connection.execute(newest)).mappings().all()
            everything, seen = (await connection.execute(counted.where(saved.c.user_id == user_id))).one()
        return SavedPage(tuple(filed(row) for row in rows), seen, everything - seen)
