"""Card numbers: none is ever used twice."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.key_value import put_value
from bot.store.tables import cards, key_values

_LAST_CARD = "last card id"


async def last_card_id(connection: AsyncConnection) -> int:
    """Return the highest id that a card has ever had: buttons of old messages carry the ids of deleted cards."""
    stored = select(key_values.c.value).where(key_values.c.key == _LAST_CARD)
    before = (await connection.execute(stored)).scalar_one_or_none() or "0"
    highest = (await connection.execute(select(func.coalesce(func.max(cards.c.id), 0)))).scalar_one()
    return max(int(highest), int(before) if before.isdecimal() else 0)


async def remember_last_card_id(connection: AsyncConnection) -> None:
    """Call before cards are deleted, so that no other card gets their ids."""
    await put_value(connection, _LAST_CARD, str(await last_card_id(connection)))
