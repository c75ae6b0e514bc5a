"""Contents of messages: the cards attached to each, as rows of `delivery_cards`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import AttachedCard, CardRevision, select_shown
from bot.store.sql_helpers import chunks
from bot.store.tables import delivery_cards

MESSAGES_AT_ONCE = 5000
"""Messages per statement; every engine allows at least 32,000 parameters."""


ATTACHED = tuple(delivery_cards.c[name] for name in ("card_id", "revision", "shown"))
"""The columns of an `AttachedCard`."""
IN_MESSAGE = (delivery_cards.c.position, delivery_cards.c.card_id)
"""The order of the cards of one message."""


async def fetch_shown(connection: AsyncConnection, delivery_ids: Sequence[int]) -> dict[int, tuple[CardRevision, ...]]:
    """Return the cards that each of these messages shows, in order. Messages without cards are left out."""
    attached: dict[int, list[AttachedCard]] = {}
    message = delivery_cards.c.delivery_id
    for ids in chunks(delivery_ids, MESSAGES_AT_ONCE):
        query = select(message, *ATTACHED).where(message.in_(ids)).order_by(*IN_MESSAGE)
        for delivery_id, *card in await connection.execute(query):
            attached.setdefault(delivery_id, []).append(AttachedCard(*card))
    return {delivery_id: select_shown(cards) for delivery_id, cards in attached.items()}
